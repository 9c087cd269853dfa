import { type Clock, errorMessage } from "@steppe/shared";
import { type ReadView, type StateStore, tracked } from "@steppe/state";

import { httpErrors } from "./errors.js";

/** Answers that are handed out between two turns of the event loop: about 2 ms of work. */
const WAKES_PER_TURN = 128;

/** What a waiting read looks at. */
interface Found {
  readonly index: number;
}

interface Waiter<F> {
  readonly minIndex: number;
  /** Answers; a function, because what is found may be an error that is thrown. */
  readonly settle: (outcome: () => F) => void;
}

/** All who wait with the same question; they differ in the index they know. */
interface Group<F> {
  readonly key: string;
  readonly evaluate: (view: ReadView) => F;
  readonly waiters: Set<Waiter<F>>;
  /** What the state said when it was looked at last; holds until `woken`. */
  found: F;
  unwatch: () => void;
  woken: boolean;
  /** State was replaced: indexes may have gone back, so everybody is answered. */
  abandoned: boolean;
}

export interface WaitOptions<F> {
  /** Equal for those whose answers are equal. */
  readonly key: string;
  /** Answered when there is an index above this. */
  readonly minIndex: number;
  readonly timeoutMs: number;
  readonly evaluate: (view: ReadView) => F;
  readonly signal: AbortSignal | undefined;
}

/**
 * Blocking queries. Those that ask the same share one watch and, when it fires, one evaluation: five thousand watchers of a key cost
 * the state one, and its write path nothing. Evaluation waits for the end of the turn, so that a batch of entries wakes them once.
 */
export class WaitGroups<F extends Found> {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Group<F>>();
  #woken: Group<F>[] = [];
  readonly #deliveries: { readonly waiter: Waiter<F>; readonly outcome: () => F }[] = [];
  #scheduled = false;

  constructor(state: StateStore, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** How many are waiting. */
  get size(): number {
    let count = 0;
    for (const group of this.#groups.values()) count += group.waiters.size;
    return count;
  }

  /**
   * What is found at an index above `minIndex`, or at the end of the time whatever is there; at once where it is there already.
   * @throws `canceled` when the signal is aborted
   */
  wait(options: WaitOptions<F>): F | Promise<F> {
    const group = this.#groups.get(options.key);
    if (group !== undefined && !group.woken) {
      if (group.found.index > options.minIndex) return group.found;
      return this.#join(group, options);
    }
    const view = tracked(this.#state);
    const found = options.evaluate(view);
    if (found.index > options.minIndex) return found;
    return this.#join(group ?? this.#open(options, found, view.watchKeys), options);
  }

  #open(options: WaitOptions<F>, found: F, watchKeys: Set<string>): Group<F> {
    const { key, evaluate } = options;
    const group: Group<F> = {
      key,
      evaluate,
      waiters: new Set(),
      found,
      unwatch: () => undefined,
      woken: false,
      abandoned: false,
    };
    this.#groups.set(key, group);
    this.#watch(group, watchKeys);
    return group;
  }

  #watch(group: Group<F>, watchKeys: Set<string>): void {
    group.woken = false;
    group.abandoned = false;
    group.unwatch = this.#state.watch(watchKeys, (abandoned) => {
      group.woken = true;
      group.abandoned ||= abandoned === true;
      this.#woken.push(group);
      this.#schedule();
    });
  }

  #join(group: Group<F>, options: WaitOptions<F>): Promise<F> {
    const { signal, minIndex, timeoutMs } = options;
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => F): void => {
        timer.clear();
        group.waiters.delete(waiter);
        this.#closeIfEmpty(group);
        try {
          resolve(outcome());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(errorMessage(error)));
        }
      };
      const cancel = (): void => settle(throwCanceled);
      const waiter: Waiter<F> = { minIndex, settle };
      const timer = this.#clock.after(timeoutMs, () => settle(() => options.evaluate(this.#state)), true);
      group.waiters.add(waiter);
      if (signal?.aborted === true) return cancel();
      // The signal is this request's own and goes with it: to take the listener off would only cost.
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  #closeIfEmpty(group: Group<F>): void {
    if (group.waiters.size > 0 || this.#groups.get(group.key) !== group) return;
    group.unwatch();
    this.#groups.delete(group.key);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const woken = this.#woken;
    this.#woken = [];
    for (const group of woken) if (this.#groups.get(group.key) === group) this.#evaluate(group);
    for (const { waiter, outcome } of this.#deliveries.splice(0, WAKES_PER_TURN)) waiter.settle(outcome);
    if (this.#deliveries.length > 0) this.#schedule();
  }

  /** Looks again on behalf of a group; those who know less are answered, the others go on waiting. */
  #evaluate(group: Group<F>): void {
    const { abandoned } = group;
    const view = tracked(this.#state);
    let outcome: () => F;
    let index = Infinity;
    try {
      const found = (group.found = group.evaluate(view));
      index = found.index;
      outcome = () => found;
    } catch (error) {
      outcome = () => {
        throw error;
      };
    }
    const staying: Waiter<F>[] = [];
    for (const waiter of group.waiters) {
      if (abandoned || index > waiter.minIndex) this.#deliveries.push({ waiter, outcome });
      else staying.push(waiter);
    }
    group.waiters.clear();
    for (const waiter of staying) group.waiters.add(waiter);
    if (staying.length > 0) this.#watch(group, view.watchKeys);
    else this.#groups.delete(group.key);
  }
}

function throwCanceled(): never {
  throw httpErrors.canceled();
}
