import type { SteppeError } from "@steppe/shared";

import { raftErrors } from "./errors.js";

interface Waiter {
  readonly sinceMs: number;
  resolve(): void;
  reject(error: SteppeError): void;
}

interface AppliedWaiter extends Waiter {
  readonly index: number;
}

/** A read that got no answer is asked again after this: the request, the leader or the answer was lost. */
const RETRY_MS = 300;
/** A read that nobody confirmed within this fails. */
const TIMEOUT_MS = 5_000;

/**
 * Linearizable reads. All that wait when a ReadIndex goes out share it; those that come while it is under way share the next one, since
 * its index could miss what was committed before they came.
 */
export class ReadRequests {
  readonly #prefix: string;
  #counter = 0;
  #waiting: Waiter[] = [];
  #asked: { context: string; sinceMs: number; waiters: Waiter[] } | undefined;
  #applied: AppliedWaiter[] = [];

  /** `prefix` makes contexts unique in the cluster, also across this server's restarts. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Resolves once what was committed when it was called is applied. */
  wait(nowMs: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ sinceMs: nowMs, resolve, reject }));
  }

  /** Resolves once `index` is applied. */
  waitApplied(index: number, nowMs: number): Promise<void> {
    return new Promise((resolve, reject) => this.#applied.push({ index, sinceMs: nowMs, resolve, reject }));
  }

  /** The context to ask Raft with, if it is time to ask. */
  next(nowMs: number): string | undefined {
    if (this.#asked !== undefined) {
      if (nowMs - this.#asked.sinceMs < RETRY_MS) return undefined;
      // A lost request's readers may share a new one: it only comes later.
      this.#waiting = this.#asked.waiters.concat(this.#waiting);
      this.#asked = undefined;
    }
    if (this.#waiting.length === 0) return undefined;
    const context = `${this.#prefix}.${++this.#counter}`;
    this.#asked = { context, sinceMs: nowMs, waiters: this.#waiting };
    this.#waiting = [];
    return context;
  }

  /** Raft's answer. */
  confirmed(context: string, index: number, appliedIndex: number): void {
    if (this.#asked?.context !== context) return;
    for (const waiter of this.#asked.waiters) this.#applied.push({ ...waiter, index });
    this.#asked = undefined;
    this.advance(appliedIndex);
  }

  /** Entries up to this index are applied. */
  advance(appliedIndex: number): void {
    if (this.#applied.length === 0) return;
    const ready = this.#applied.filter(({ index }) => index <= appliedIndex);
    if (ready.length === 0) return;
    this.#applied = this.#applied.filter(({ index }) => index > appliedIndex);
    for (const waiter of ready) waiter.resolve();
  }

  /** Fails the reads that nobody confirmed in time. Those that only wait for an entry wait on. */
  expire(nowMs: number): void {
    if (this.#waiting.length === 0 && this.#asked === undefined) return;
    const all = [...(this.#asked?.waiters ?? []), ...this.#waiting];
    if (nowMs - all[0]!.sinceMs < TIMEOUT_MS) return;
    const late = (waiter: Waiter): boolean => nowMs - waiter.sinceMs >= TIMEOUT_MS;
    for (const waiter of all) if (late(waiter)) waiter.reject(raftErrors.noLeader());
    this.#waiting = this.#waiting.filter((waiter) => !late(waiter));
    if (this.#asked !== undefined) this.#asked.waiters = this.#asked.waiters.filter((waiter) => !late(waiter));
  }

  rejectAll(error: SteppeError): void {
    for (const waiter of [...this.#waiting, ...(this.#asked?.waiters ?? []), ...this.#applied]) waiter.reject(error);
    this.#waiting = [];
    this.#asked = undefined;
    this.#applied = [];
  }
}
