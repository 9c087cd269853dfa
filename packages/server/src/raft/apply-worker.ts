import type { Clock } from "@steppe/shared";
import { type Entry, EntryType, type Message } from "raft-ts";

import type { RaftStateMachine } from "./state-machine.js";

/** How long entries are applied before the event loop gets its turn. */
const SLICE_MS = 10;
/** How many entries are applied between two looks at the clock. */
const SLICE_ENTRIES = 32;
const NO_BYTES = new Uint8Array(0);

export interface ApplyWorkerOptions {
  readonly stateMachine: RaftStateMachine;
  readonly clock: Clock;
  /** An entry was applied. */
  readonly onApplied: (entry: Entry, result: unknown) => void;
  /** Some entries were applied. */
  readonly onAdvance: () => void;
  /** Carries out a configuration change; until it resolves nothing more is applied. */
  readonly changeConfiguration: (entry: Entry) => Promise<unknown>;
  readonly deliver: (responses: readonly Message[]) => void;
  readonly fail: (error: unknown) => void;
}

/** Raft's apply thread: hands committed entries to the state machine, in order, without holding the event loop. */
export class ApplyWorker {
  readonly #options: ApplyWorkerOptions;
  #queue: Message[] = [];
  #running: Promise<void> | undefined;
  #busy = false;
  #stopped = false;

  constructor(options: ApplyWorkerOptions) {
    this.#options = options;
  }

  push(message: Message): void {
    this.#queue.push(message);
    if (this.#busy) return;
    const running = this.#run();
    // Mostly it has run to its end already, without waiting for anything.
    if (this.#busy) this.#running = running;
  }

  /** Resolves when nothing waits to be applied. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Applies nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
  }

  async #run(): Promise<void> {
    this.#busy = true;
    const { stateMachine } = this.#options;
    try {
      let sliceEndMs = this.#options.clock.monotonicMs() + SLICE_MS;
      while (this.#queue.length > 0) {
        const { entries, responses } = this.#queue[0]!;
        for (let at = 0; at < entries.length;) {
          if (this.#options.clock.monotonicMs() >= sliceEndMs) {
            await new Promise((resolve) => setImmediate(resolve));
            sliceEndMs = this.#options.clock.monotonicMs() + SLICE_MS;
          }
          if (this.#stopped) return;
          const entry = entries[at]!;
          if (this.#isLong(entry)) {
            await stateMachine.prepare?.(entry);
            this.#applyAll([entry]);
            at++;
          } else if (entry.type === EntryType.normal) at = this.#applyRun(entries, at);
          else {
            await this.#applyChange(entry);
            at++;
          }
        }
        this.#queue.shift();
        if (responses !== undefined) this.#options.deliver(responses);
      }
    } catch (error) {
      this.stop();
      this.#options.fail(error);
    } finally {
      this.#busy = false;
      this.#running = undefined;
    }
  }

  /** Applies normal entries from `at` on, at most a slice of them; returns where to go on. */
  #applyRun(entries: readonly Entry[], at: number): number {
    let end = at + 1;
    while (end < entries.length && end - at < SLICE_ENTRIES && entries[end]!.type === EntryType.normal) {
      if (this.#isLong(entries[end]!)) break;
      end++;
    }
    this.#applyAll(at === 0 && end === entries.length ? entries : entries.slice(at, end));
    return end;
  }

  #applyAll(run: readonly Entry[]): void {
    const { stateMachine, onApplied, onAdvance } = this.#options;
    const results = stateMachine.apply(run);
    for (let i = 0; i < run.length; i++) onApplied(run[i]!, results[i]);
    onAdvance();
  }

  #isLong(entry: Entry): boolean {
    return entry.type === EntryType.normal && this.#options.stateMachine.isLong?.(entry) === true;
  }

  async #applyChange(entry: Entry): Promise<void> {
    const { stateMachine, changeConfiguration, onApplied, onAdvance } = this.#options;
    const result = await changeConfiguration(entry);
    // The state machine only counts it.
    stateMachine.apply([{ index: entry.index, term: entry.term, data: NO_BYTES }]);
    onApplied(entry, result);
    onAdvance();
  }
}
