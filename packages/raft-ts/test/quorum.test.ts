import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  jointCommittedIndex,
  jointVoteResult,
  majorityCommittedIndex,
  majorityVoteResult,
  unionOfIds,
} from "../src/quorum.js";

const voters = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 }).map((ids) => unionOfIds(ids));
const indexes = fc.array(fc.nat(20), { minLength: 10, maxLength: 10 });

describe("a majority", () => {
  test("commits the largest index that more than half have", () => {
    fc.assert(
      fc.property(voters, indexes, (ids, acknowledged) => {
        const index = majorityCommittedIndex(ids, (id) => acknowledged[id]!);
        const have = (at: number): number => ids.filter((id) => acknowledged[id]! >= at).length;
        if (ids.length === 0) return index === Infinity;
        return have(index) * 2 > ids.length && have(index + 1) * 2 <= ids.length;
      }),
    );
  });

  test("is won, lost or open, as the missing votes allow", () => {
    fc.assert(
      fc.property(
        voters,
        fc.array(fc.constantFrom(true, false, undefined), { minLength: 10, maxLength: 10 }),
        (ids, votes) => {
          const cast = new Map(ids.flatMap((id) => (votes[id] === undefined ? [] : [[id, votes[id]] as const])));
          const granted = ids.filter((id) => votes[id] === true).length;
          const open = ids.filter((id) => votes[id] === undefined).length;
          const possible = ids.length === 0 || (granted + open) * 2 > ids.length;
          const won = ids.length === 0 || granted * 2 > ids.length;
          expect(majorityVoteResult(ids, cast)).toBe(won ? "won" : possible ? "pending" : "lost");
        },
      ),
    );
  });
});

describe("a joint quorum", () => {
  test("needs both halves, and with one empty half only the other", () => {
    fc.assert(
      fc.property(voters, voters, indexes, (incoming, outgoing, acknowledged) => {
        const of = (id: number): number => acknowledged[id]!;
        const each = [majorityCommittedIndex(incoming, of), majorityCommittedIndex(outgoing, of)];
        expect(jointCommittedIndex({ incoming, outgoing }, of)).toBe(Math.min(...each));
      }),
    );
    expect(jointVoteResult({ incoming: [1], outgoing: [2] }, new Map([[1, true]]))).toBe("pending");
    expect(jointVoteResult({ incoming: [1], outgoing: [2] }, new Map([[2, false]]))).toBe("lost");
    expect(jointVoteResult({ incoming: [1], outgoing: [] }, new Map([[1, true]]))).toBe("won");
  });
});
