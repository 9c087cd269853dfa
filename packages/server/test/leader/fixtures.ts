import { type Clock, type Random, seededRandom, systemClock } from "@steppe/shared";
import { type CommandName, encodeCommand, jobKey, type PayloadOf, StateStore } from "@steppe/state";
import type { Allocation, Evaluation, Job, Node } from "@steppe/structs";
import type { LeaderContext } from "../../src/leader/index.js";
import { makeEvaluation, makeNode } from "../../../scheduler/test/fixtures.js";

export { makeJob } from "../../../scheduler/test/fixtures.js";

const BOUND_MS = 20_000;

/** A leader's surroundings, with a log of one server that applies each entry in a later turn of the event loop. */
export class TestLeader implements LeaderContext {
  readonly state = new StateStore();
  readonly random: Random = seededRandom(7);
  readonly config = { minHeartbeatTTLMs: 10_000, maxHeartbeatsPerSecond: 50, heartbeatGraceMs: 10_000 };
  readonly warnings: string[] = [];
  readonly logger: LeaderContext["logger"] = {
    debug: () => undefined,
    info: () => undefined,
    warn: (text, fields) => this.warnings.push(`${text} ${JSON.stringify(fields)}`),
    error: (text, fields) => this.warnings.push(`${text} ${JSON.stringify(fields)}`),
  };
  readonly metrics: LeaderContext["metrics"] = {
    increment: () => undefined,
    gauge: () => undefined,
    sample: () => undefined,
    summary: () => ({}),
    prometheus: () => Promise.resolve(""),
  };
  /** Proposals are refused while this is set. */
  broken = false;
  #index = 100;

  constructor(readonly clock: Clock = systemClock) {}

  readonly propose: LeaderContext["propose"] = async (name, payload) => {
    const data = encodeCommand(name, payload as never);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.broken) throw new Error("No cluster leader");
    return this.#apply(data) as never;
  };

  applyNow<N extends CommandName>(name: N, payload: PayloadOf<N>): void {
    this.#apply(encodeCommand(name, payload));
  }

  #apply(data: Uint8Array): { index: number; result: unknown } {
    this.#index++;
    const [result] = this.state.apply([{ index: this.#index, term: 1, data }]);
    if (result instanceof Error) throw result;
    return { index: this.#index, result };
  }

  addNode(overrides: Partial<Node> = {}): Node {
    const node = makeNode(this.random, overrides);
    this.applyNow("nodeRegister", { node, nowMs: this.clock.nowMs(), evaluations: [] });
    return this.state.get("nodes", node.ID) as Node;
  }

  register(job: Job, priority = job.Priority): Evaluation {
    const evaluation = { ...makeEvaluation(this.random, job), Priority: priority };
    this.applyNow("jobRegister", { job: structuredClone(job), evaluation });
    return this.state.get("evaluations", evaluation.ID) as Evaluation;
  }

  live(job: Job): Allocation[] {
    const allocs = this.state.byIndex("allocations", "byJob", jobKey(job.Namespace, job.ID));
    return allocs.filter(
      (alloc) => alloc.DesiredStatus === "run" && ["pending", "running"].includes(alloc.ClientStatus),
    );
  }

  report(allocs: readonly Allocation[], ClientStatus: string, Healthy?: boolean): void {
    const health =
      Healthy === undefined
        ? {}
        : { DeploymentStatus: { Healthy, Timestamp: new Date().toISOString(), Canary: false, ModifyIndex: 0 } };
    const updates = allocs.map(({ ID }) => ({ ID, ClientStatus, ClientDescription: "", TaskStates: null, ...health }));
    this.applyNow("allocClientUpdate", { allocs: updates, evaluations: [], nowNs: this.clock.nowMs() * 1e6 });
  }

  status(evaluation: Evaluation): string | undefined {
    return this.state.get("evaluations", evaluation.ID)?.Status;
  }
}

/** Waits for a condition; the bound is generous, for it only ends a test that has failed. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const began = performance.now();
  while (!condition()) {
    if (performance.now() - began > BOUND_MS) throw new Error(`Still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A clock that stands still until it is moved; timers fire in order. */
export class ManualClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #timers: { atMs: number; fn: () => void; everyMs: number | undefined }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): { clear(): void } {
    return this.#add({ atMs: this.#nowMs + delayMs, fn, everyMs: undefined });
  }

  every(intervalMs: number, fn: () => void): { clear(): void } {
    return this.#add({ atMs: this.#nowMs + intervalMs, fn, everyMs: intervalMs });
  }

  #add(timer: { atMs: number; fn: () => void; everyMs: number | undefined }): { clear(): void } {
    this.#timers.push(timer);
    return { clear: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#timers = this.#timers.filter((other) => other !== next);
      else next.atMs += next.everyMs;
      next.fn();
    }
    this.#nowMs = endMs;
  }
}
