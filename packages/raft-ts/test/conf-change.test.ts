import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  ConfChangeTransition,
  ConfChangeType,
  EntryType,
  decodeConfChange,
  encodeConfChange,
  leaveJointChange,
  type ConfChange,
} from "../src/index.js";
import { RaftError } from "../src/errors.js";
import { enterJoint, leaveJoint, simpleChange } from "../src/membership.js";
import { Tracker, confStateOf } from "../src/tracker.js";

const single = fc.record({
  type: fc.constantFrom(...Object.values(ConfChangeType)),
  nodeId: fc.integer({ min: 0, max: 6 }),
});
const context = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => ({ context: bytes }));
const v1 = fc
  .tuple(single, fc.option(context))
  .map(([change, extra]): ConfChange => ({ version: 1, ...change, ...extra }));
const v2 = fc
  .record({
    version: fc.constant(2 as const),
    transition: fc.constantFrom(...Object.values(ConfChangeTransition)),
    changes: fc.array(single, { maxLength: 5 }),
  })
  .chain((change) => fc.option(context).map((extra): ConfChange => ({ ...change, ...extra })));

describe("the encoding of a change", () => {
  test("gives back what was put in", () => {
    fc.assert(
      fc.property(fc.oneof(v1, v2), (change) => {
        const type = change.version === 1 ? EntryType.confChange : EntryType.confChangeV2;
        expect(decodeConfChange(type, encodeConfChange(change))).toEqual(change);
      }),
    );
  });

  test("is empty for the change that leaves a joint configuration", () => {
    expect(encodeConfChange(leaveJointChange).byteLength).toBe(0);
  });

  test("is refused where it is damaged", () => {
    const damaged = fc.tuple(fc.constantFrom(EntryType.confChange, EntryType.confChangeV2), fc.uint8Array());
    fc.assert(
      fc.property(damaged, ([type, bytes]) => {
        try {
          decodeConfChange(type, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RaftError);
        }
      }),
    );
  });
});

describe("membership changes", () => {
  test("reach by way of a joint configuration what single steps reach, and never break an invariant", () => {
    fc.assert(
      fc.property(fc.array(single, { minLength: 1, maxLength: 8 }), (changes) => {
        const stepwise = new Tracker(10, Infinity);
        const joint = new Tracker(10, Infinity);
        for (const tracker of [stepwise, joint]) {
          const { config, progress } = simpleChange(tracker, 1, [{ type: ConfChangeType.addNode, nodeId: 7 }]);
          tracker.switchTo(config, progress);
        }
        // With 7 always a voter, no step can remove the last one.
        for (const change of changes) {
          const { config, progress } = simpleChange(stepwise, 1, [change]);
          stepwise.switchTo(config, progress);
        }
        const entered = enterJoint(joint, 1, true, changes);
        joint.switchTo(entered.config, entered.progress);
        const left = leaveJoint(joint, 1);
        joint.switchTo(left.config, left.progress);
        expect(confStateOf(joint.config)).toEqual(confStateOf(stepwise.config));
        expect(joint.ids).toEqual(stepwise.ids);
      }),
    );
  });
});
