import { describe, expect, test } from "@jest/globals";

import { RestartTracker } from "../src/restart-tracker.js";
import { ManualClock } from "./fixtures.js";

const random = { next: () => 0.5, uuid: () => "" };
const fail = { Attempts: 2, Interval: 60e9, Delay: 8e9, Mode: "fail", RenderTemplates: false };

function tracker(policy = fail, jobType = "service", ephemeral = false) {
  const clock = new ManualClock();
  return { clock, restarts: new RestartTracker({ policy, jobType, ephemeral, clock, random }) };
}

describe("restart policy", () => {
  test("restarts with jitter, then fails; a new interval counts anew", () => {
    const { clock, restarts } = tracker();
    const restart = { kind: "restart", delayMs: 9_000, reason: "Restart within policy" };
    expect(restarts.next({ success: false })).toEqual(restart);
    clock.advance(10_000);
    expect(restarts.next({ success: false })).toEqual(restart);
    clock.advance(60_000);
    expect(restarts.next({ success: false })).toEqual(restart);
    expect(restarts.next({ success: false })).toEqual(restart);
    expect(restarts.next({ success: false })).toEqual({
      kind: "fail",
      reason: 'Exceeded allowed attempts 2 in interval 1m0s and mode is "fail"',
    });
  });

  test("mode delay waits for the interval's end", () => {
    const { clock, restarts } = tracker({ ...fail, Attempts: 1, Mode: "delay" });
    restarts.next({ success: false });
    clock.advance(20_000);
    expect(restarts.next({ success: false })).toEqual({
      kind: "restart",
      delayMs: 40_000 + 9_000,
      reason: "Exceeded allowed attempts 1 in interval 1m0s, applying a delay",
    });
  });

  test.each([
    ["service", false, true, "restart"],
    ["system", false, true, "restart"],
    ["batch", false, true, "done"],
    ["sysbatch", false, true, "done"],
    ["service", true, true, "done"],
    ["batch", false, false, "restart"],
    ["service", true, false, "restart"],
  ])("a %s task (ephemeral %j) that ends with success %j: %s", (type, ephemeral, success, kind) => {
    expect(tracker(fail, type, ephemeral).restarts.next({ success }).kind).toBe(kind);
  });

  test("no attempts, and starts that cannot succeed", () => {
    expect(tracker({ ...fail, Attempts: 0 }).restarts.next({ success: false })).toEqual({
      kind: "fail",
      reason: "Policy allows no restarts",
    });
    const { restarts } = tracker();
    expect(restarts.next({ startFailed: true, recoverable: true }).kind).toBe("restart");
    expect(restarts.next({ startFailed: true, recoverable: false })).toEqual({
      kind: "fail",
      reason: "Error was unrecoverable",
    });
  });
});
