import { type Clock, formatDuration, type Random } from "@steppe/shared";
import { JobType, type RestartPolicy } from "@steppe/structs";

import { REASON_WITHIN_POLICY } from "./task-events.js";

/** What follows a task's end: `done` is a success without a restart. Delays in milliseconds. */
export type RestartDecision =
  { kind: "done" } | { kind: "restart"; delayMs: number; reason: string } | { kind: "fail"; reason: string };

/** What happened: the task ended, or could not be started at all. */
export type TaskOutcome = { success: boolean } | { startFailed: true; recoverable: boolean };

/** Delays get up to this share on top, so that tasks that failed together do not restart together. */
const JITTER = 0.25;

/** Counts a task's restarts against its restart policy. Restarts that people ask for do not count. */
export class RestartTracker {
  #policy: RestartPolicy;
  readonly #restartsOnSuccess: boolean;
  readonly #clock: Clock;
  readonly #random: Random;
  #count = 0;
  #intervalStartMs = Number.NEGATIVE_INFINITY;

  /** `ephemeral`: a prestart, poststart or poststop task that is to run once, whatever the type of its job. */
  constructor(options: { policy: RestartPolicy; jobType: string; ephemeral: boolean; clock: Clock; random: Random }) {
    this.#policy = options.policy;
    this.#clock = options.clock;
    this.#random = options.random;
    const batch = options.jobType === JobType.batch || options.jobType === JobType.sysbatch;
    this.#restartsOnSuccess = !batch && !options.ephemeral;
  }

  setPolicy(policy: RestartPolicy): void {
    this.#policy = policy;
  }

  next(outcome: TaskOutcome): RestartDecision {
    const { Attempts: attempts, Interval: intervalNs, Mode: mode } = this.#policy;
    if ("success" in outcome && outcome.success && !this.#restartsOnSuccess) return { kind: "done" };
    if ("startFailed" in outcome && !outcome.recoverable) return { kind: "fail", reason: "Error was unrecoverable" };
    if (attempts === 0 && mode !== "delay") return { kind: "fail", reason: "Policy allows no restarts" };
    const nowMs = this.#clock.monotonicMs();
    const intervalMs = intervalNs / 1e6;
    if (nowMs >= this.#intervalStartMs + intervalMs) {
      this.#count = 0;
      this.#intervalStartMs = nowMs;
    }
    this.#count++;
    if (this.#count <= attempts) return { kind: "restart", delayMs: this.#delayMs(), reason: REASON_WITHIN_POLICY };
    const exceeded = `Exceeded allowed attempts ${attempts} in interval ${formatDuration(intervalNs)}`;
    if (mode === "fail") return { kind: "fail", reason: `${exceeded} and mode is "fail"` };
    const untilIntervalEndsMs = this.#intervalStartMs + intervalMs - nowMs;
    return {
      kind: "restart",
      delayMs: Math.max(0, untilIntervalEndsMs) + this.#delayMs(),
      reason: `${exceeded}, applying a delay`,
    };
  }

  #delayMs(): number {
    return (this.#policy.Delay / 1e6) * (1 + JITTER * this.#random.next());
  }
}
