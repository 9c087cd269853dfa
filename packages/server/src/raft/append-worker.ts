import type { LogStore } from "@steppe/storage";
import type { Entry, HardState, Message } from "raft-ts";

export interface AppendWorkerOptions {
  readonly log: LogStore;
  /** Sends or steps the answers to a write, in order. */
  readonly deliver: (responses: readonly Message[]) => void;
  /** Installs the snapshot of a message, before its entries are written. */
  readonly install: (message: Message, hardState: HardState | undefined) => Promise<void>;
  readonly fail: (error: unknown) => void;
  /** Nothing is being written any more. */
  readonly settled: () => void;
}

/**
 * Raft's append thread: makes durable what msgStorageAppend says, in order, and only then delivers the answers. All messages that came
 * while one write ran share the next one: that is the group commit.
 */
export class AppendWorker {
  readonly #options: AppendWorkerOptions;
  #queue: Message[] = [];
  #running: Promise<void> | undefined;
  /** The hard state as of the last message, if one had any; a changed commit index alone waits for the next write. */
  #hardState: HardState | undefined;

  constructor(options: AppendWorkerOptions) {
    this.#options = options;
  }

  push(message: Message): void {
    this.#queue.push(message);
    this.#running ??= this.#run();
  }

  /** A write is under way: what is proposed now shares the next one. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** The newest hard state. Its commit index may not be stored yet. */
  get hardState(): HardState {
    return this.#hardState ?? this.#options.log.initialState().hardState;
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const messages = this.#takeRun();
        const message = messages[0]!;
        if (message.snapshot === undefined) await this.#write(messages);
        else await this.#options.install(message, this.#adoptHardState(message) ? this.hardState : undefined);
        for (const { responses } of messages) if (responses !== undefined) this.#options.deliver(responses);
      }
    } catch (error) {
      this.#queue = [];
      this.#options.fail(error);
    } finally {
      this.#running = undefined;
      this.#options.settled();
    }
  }

  /** The messages that can be written together: all up to a snapshot, or one with a snapshot. */
  #takeRun(): Message[] {
    const end = this.#queue.findIndex(({ snapshot }) => snapshot !== undefined);
    return this.#queue.splice(0, end === 0 ? 1 : end < 0 ? this.#queue.length : end);
  }

  async #write(messages: readonly Message[]): Promise<void> {
    const before = this.hardState;
    let entries: readonly Entry[] = [];
    for (const message of messages) {
      this.#adoptHardState(message);
      entries = joinEntries(entries, message.entries);
    }
    const hardState = this.hardState;
    const { term, vote } = hardState;
    // A commit index alone is a convenience: it rides along with the next entries.
    if (entries.length === 0 && term === before.term && vote === before.vote) return;
    await this.#options.log.append({ hardState, entries });
  }

  #adoptHardState({ term, vote, commit }: Message): boolean {
    if (term === 0 && vote === 0 && commit === 0) return false;
    this.#hardState = { term, vote, commit };
    return true;
  }
}

/** `next` behind `entries`, replacing what it overlaps. */
function joinEntries(entries: readonly Entry[], next: readonly Entry[]): readonly Entry[] {
  if (next.length === 0) return entries;
  if (entries.length === 0) return next;
  const kept = next[0]!.index - entries[0]!.index;
  return kept <= 0 ? next : entries.slice(0, kept).concat(next);
}
