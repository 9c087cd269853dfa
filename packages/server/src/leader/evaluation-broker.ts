import type { Clock, Timer } from "@steppe/shared";
import { jobKey } from "@steppe/state";
import type { Evaluation } from "@steppe/structs";

/** How often an evaluation is handed out before it is given up. */
export const DELIVERY_LIMIT = 3;
const FIRST_RETRY_DELAY_MS = 1000;
const RETRY_DELAY_MS = 20_000;
/** `setTimeout` takes no more; a longer wait is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Entry {
  readonly evaluation: Evaluation;
  deliveries: number;
}

/** The evaluations of one job: at most one is ready or handed out, the others wait for it. */
interface JobQueue {
  current: Entry;
  readonly waiting: Entry[];
}

/** What came of giving an evaluation back. */
export type NackOutcome = "retried" | "exhausted";

/**
 * Which evaluation is next: by priority, then by age; never two of one job at a time. Those that come while one of their job is at work
 * wait for it, and then only the newest of them runs: it sees all that the others would have seen.
 */
export class EvaluationBroker {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  /** By priority; within one, in order of arrival. */
  readonly #ready = new Map<number, Entry[]>();
  readonly #heads = new Map<number, number>();
  readonly #jobs = new Map<string, JobQueue>();
  readonly #known = new Set<string>();
  readonly #delayed = new Map<string, { entry: Entry; atMs: number }>();
  #timer: Timer | undefined;
  #readyCount = 0;

  /** `onReady` is called whenever there is something to take. */
  constructor(clock: Clock, onReady: () => void) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  get readyCount(): number {
    return this.#readyCount;
  }

  /** Ready, waiting, delayed and handed out. */
  get size(): number {
    return this.#known.size;
  }

  /** Takes an evaluation in, unless it is here already. One with a time to wait for comes up when it is due. */
  enqueue(evaluation: Evaluation): void {
    if (this.#known.has(evaluation.ID)) return;
    this.#known.add(evaluation.ID);
    const dueMs = dueTimeMs(evaluation, this.#clock.nowMs());
    const entry: Entry = { evaluation, deliveries: 0 };
    if (dueMs > this.#clock.nowMs()) this.#delay(entry, dueMs);
    else this.#admit(entry);
  }

  /** Hands out up to `limit` evaluations, each until `ack` or `nack`. */
  take(limit: number): Evaluation[] {
    const taken: Evaluation[] = [];
    for (const priority of [...this.#ready.keys()].sort((a, b) => b - a)) {
      const queue = this.#ready.get(priority) as Entry[];
      let head = this.#heads.get(priority) ?? 0;
      for (; head < queue.length && taken.length < limit; head++) {
        const entry = queue[head] as Entry;
        entry.deliveries++;
        taken.push(entry.evaluation);
      }
      if (head === queue.length) {
        this.#ready.delete(priority);
        this.#heads.delete(priority);
      } else this.#heads.set(priority, head);
      if (taken.length === limit) break;
    }
    this.#readyCount -= taken.length;
    return taken;
  }

  /** The evaluation is done. Returns those of its job that are superseded: they are to be canceled. */
  ack(evaluation: Evaluation): Evaluation[] {
    this.#known.delete(evaluation.ID);
    const key = keyOf(evaluation);
    const queue = this.#jobs.get(key);
    if (queue?.current.evaluation.ID !== evaluation.ID) return [];
    this.#jobs.delete(key);
    if (queue.waiting.length === 0) return [];
    queue.waiting.sort((a, b) => a.evaluation.CreateIndex - b.evaluation.CreateIndex);
    const newest = queue.waiting.pop() as Entry;
    for (const { evaluation: superseded } of queue.waiting) this.#known.delete(superseded.ID);
    this.#admit(newest);
    return queue.waiting.map((entry) => entry.evaluation);
  }

  /** Gives an evaluation back: it comes up again after a pause, or not at all when it was handed out too often. */
  nack(evaluation: Evaluation): NackOutcome {
    const queue = this.#jobs.get(keyOf(evaluation));
    if (queue?.current.evaluation.ID !== evaluation.ID) return "retried";
    if (queue.current.deliveries >= DELIVERY_LIMIT) return "exhausted";
    const delayMs = queue.current.deliveries === 1 ? FIRST_RETRY_DELAY_MS : RETRY_DELAY_MS;
    this.#delay(queue.current, this.#clock.nowMs() + delayMs);
    return "retried";
  }

  /** Gives an evaluation back to be taken again at once, on newer state; that is no failure. */
  requeue(evaluation: Evaluation): void {
    const entry = this.#jobs.get(keyOf(evaluation))?.current;
    if (entry?.evaluation.ID !== evaluation.ID) return;
    entry.deliveries = 0;
    this.#push(entry);
  }

  /** Forgets everything. */
  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#ready.clear();
    this.#heads.clear();
    this.#jobs.clear();
    this.#known.clear();
    this.#delayed.clear();
    this.#readyCount = 0;
  }

  #admit(entry: Entry): void {
    const key = keyOf(entry.evaluation);
    const queue = this.#jobs.get(key);
    if (queue) queue.waiting.push(entry);
    else {
      this.#jobs.set(key, { current: entry, waiting: [] });
      this.#push(entry);
    }
  }

  #push(entry: Entry): void {
    const priority = entry.evaluation.Priority;
    const queue = this.#ready.get(priority);
    if (queue) queue.push(entry);
    else this.#ready.set(priority, [entry]);
    this.#readyCount++;
    this.#onReady();
  }

  #delay(entry: Entry, atMs: number): void {
    this.#delayed.set(entry.evaluation.ID, { entry, atMs });
    this.#schedule();
  }

  /** One timer, for the earliest. */
  #schedule(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    let earliestMs = Infinity;
    for (const { atMs } of this.#delayed.values()) earliestMs = Math.min(earliestMs, atMs);
    if (earliestMs === Infinity) return;
    const delayMs = Math.min(Math.max(earliestMs - this.#clock.nowMs(), 0), MAX_TIMER_MS);
    this.#timer = this.#clock.after(delayMs, () => this.#release(), true);
  }

  #release(): void {
    const nowMs = this.#clock.nowMs();
    for (const [id, { entry, atMs }] of [...this.#delayed]) {
      if (atMs > nowMs) continue;
      this.#delayed.delete(id);
      // One that was handed out before still holds its job's place.
      if (this.#jobs.get(keyOf(entry.evaluation))?.current === entry) this.#push(entry);
      else this.#admit(entry);
    }
    this.#schedule();
  }
}

function keyOf(evaluation: Evaluation): string {
  return jobKey(evaluation.Namespace, evaluation.JobID);
}

/** When an evaluation may run: `WaitUntil`, or `Wait` (ns) after now. */
function dueTimeMs(evaluation: Evaluation, nowMs: number): number {
  const untilMs = evaluation.WaitUntil ? Date.parse(evaluation.WaitUntil) : NaN;
  if (!Number.isNaN(untilMs)) return untilMs;
  return evaluation.Wait ? nowMs + evaluation.Wait / 1e6 : nowMs;
}
