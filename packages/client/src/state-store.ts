import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import * as path from "node:path";

import { errorMessage, must } from "@steppe/shared";
import type { AllocDeploymentStatus, Allocation, Job, TaskState } from "@steppe/structs";

import type { HandleState } from "./drivers/driver.js";
import { errors } from "./errors.js";
import type { Logger } from "./logger.js";

/** What the client must know about a task after it was killed and started again. */
export interface StoredTask {
  state: TaskState;
  /** The driver's handle of the last start. */
  handle: HandleState | null;
  /** The end of that start has been dealt with: finding it again is no news. */
  ended: boolean;
}

export interface StoredAllocation {
  allocation: Allocation;
  tasks: Record<string, StoredTask>;
  deploymentStatus: AllocDeploymentStatus | null;
}

/** Small and often written, apart from the allocation, which is big and seldom changes. */
export type StoredProgress = Omit<StoredAllocation, "allocation">;

/** Allocations refer to their jobs: thousands of them may share one, which is the biggest part of each. */
type JournalRecord =
  | { kind: "job"; id: string; job: Job }
  | { kind: "allocation"; id: string; job: string; allocation: Omit<Allocation, "Job"> }
  | { kind: "progress"; id: string; progress: StoredProgress }
  | { kind: "remove"; id: string };

/** The journal is written anew when it is larger than this and than twice what it has to hold. */
const COMPACTION_MIN_BYTES = 4 * 1024 * 1024;
const RECORDS_PER_SLICE = 100;

/**
 * The client's memory across restarts: one journal of JSON lines, appended to in batches. Thousands of allocations cost one write per
 * batch instead of a file each. Writes are not synced: they survive the death of the agent, which is what matters, while a crash of the
 * machine ends the tasks too. A last line without a newline was cut off by such a death and is dropped.
 */
export class StateStore {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #live = new Map<string, { allocation: Allocation; progress: StoredProgress }>();
  /** Jobs that this journal holds. */
  readonly #jobs = new Map<string, Job>();
  readonly #dirtyAllocations = new Set<string>();
  readonly #dirtyProgress = new Set<string>();
  readonly #removed = new Set<string>();
  #handle: FileHandle | undefined;
  #bytes = 0;
  #liveBytes = 0;
  /** A write failed, perhaps within a line: only a new journal may follow. */
  #damaged = false;
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** Opens the store in `directory` and reads what an earlier client left; throws `stateUnreadable`. */
  static async open(directory: string, logger: Logger): Promise<StateStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const store = new StateStore(path.join(directory, "allocations.jsonl"), logger);
    await store.#load();
    await store.#compact();
    return store;
  }

  entries(): StoredAllocation[] {
    return [...this.#live.values()].map(({ allocation, progress }) => ({ allocation, ...progress }));
  }

  /** Records an allocation's new version; `flush` says when it is on disk. */
  putAllocation(allocation: Allocation): void {
    const progress = this.#live.get(allocation.ID)?.progress ?? { tasks: {}, deploymentStatus: null };
    this.#live.set(allocation.ID, { allocation, progress });
    this.#dirtyAllocations.add(allocation.ID);
    this.#removed.delete(allocation.ID);
  }

  putProgress(id: string, progress: StoredProgress): void {
    const live = this.#live.get(id);
    if (!live) return;
    live.progress = progress;
    this.#dirtyProgress.add(id);
  }

  remove(id: string): void {
    if (!this.#live.delete(id)) return;
    this.#dirtyAllocations.delete(id);
    this.#dirtyProgress.delete(id);
    this.#removed.add(id);
  }

  /** Resolves when everything that was put before the call is on disk. Many callers share one write. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#closed || !this.#dirty()) return;
    this.#writing = this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #dirty(): boolean {
    return this.#damaged || this.#dirtyAllocations.size + this.#dirtyProgress.size + this.#removed.size > 0;
  }

  async #write(): Promise<void> {
    // Callers of one turn of the event loop share a write.
    await new Promise((resolve) => setImmediate(resolve));
    const wasteful = this.#bytes > COMPACTION_MIN_BYTES && this.#bytes > 2 * this.#liveBytes;
    if (this.#damaged || wasteful) return await this.#compact();
    const removed = [...this.#removed];
    const allocations = [...this.#dirtyAllocations];
    const progress = [...this.#dirtyProgress];
    this.#removed.clear();
    this.#dirtyAllocations.clear();
    this.#dirtyProgress.clear();
    const lines = function* (this: StateStore): Generator<JournalRecord> {
      for (const id of removed) yield { kind: "remove", id };
      for (const id of allocations) {
        const live = this.#live.get(id);
        if (live) yield* this.#allocationRecords(live.allocation);
      }
      for (const id of progress) {
        const live = this.#live.get(id);
        if (live) yield { kind: "progress", id, progress: live.progress };
      }
    };
    try {
      await this.#append(this.#handle, lines.call(this));
    } catch (error) {
      this.#damaged = true;
      throw error;
    }
  }

  *#allocationRecords(allocation: Allocation): Generator<JournalRecord> {
    const { Job: job, ...rest } = allocation;
    const key = `${job.Namespace}/${job.ID}/${job.Version}/${job.JobModifyIndex}`;
    if (!this.#jobs.has(key)) {
      this.#jobs.set(key, job);
      yield { kind: "job", id: key, job };
    }
    yield { kind: "allocation", id: rest.ID, job: key, allocation: rest };
  }

  /** Serializes in slices: a node's thousands of allocations must not hold the event loop. */
  async #append(handle: FileHandle | undefined, records: Iterable<JournalRecord>): Promise<void> {
    if (!handle) return;
    let lines: string[] = [];
    const write = async (): Promise<void> => {
      const bytes = Buffer.from(lines.join(""));
      lines = [];
      this.#bytes += bytes.length;
      await handle.appendFile(bytes);
    };
    for (const record of records) {
      lines.push(`${JSON.stringify(record)}\n`);
      if (lines.length >= RECORDS_PER_SLICE) await write();
    }
    if (lines.length > 0) await write();
  }

  /** Writes a new journal of what is live and puts it in the old one's place. */
  async #compact(): Promise<void> {
    this.#removed.clear();
    this.#dirtyAllocations.clear();
    this.#dirtyProgress.clear();
    const temporary = `${this.#file}.tmp`;
    const handle = await open(temporary, "w", 0o600);
    this.#bytes = 0;
    this.#jobs.clear();
    const records = function* (this: StateStore): Generator<JournalRecord> {
      for (const [id, { allocation, progress }] of [...this.#live]) {
        yield* this.#allocationRecords(allocation);
        yield { kind: "progress", id, progress };
      }
    };
    await this.#append(handle, records.call(this));
    await rename(temporary, this.#file);
    this.#liveBytes = this.#bytes;
    this.#damaged = false;
    await this.#handle?.close();
    this.#handle = handle;
  }

  async #load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw errors.stateUnreadable({ file: this.#file, reason: errorMessage(error) }, error);
    }
    const lines = text.split("\n");
    const cutOff = lines.pop();
    if (cutOff) this.#logger.warn("the client state ends in a cut-off line, which is dropped", { file: this.#file });
    for (const line of lines) this.#apply(this.#parse(line));
  }

  #parse(line: string): JournalRecord {
    try {
      return JSON.parse(line) as JournalRecord;
    } catch (error) {
      throw errors.stateUnreadable({ file: this.#file, reason: errorMessage(error) }, error);
    }
  }

  #apply(record: JournalRecord): void {
    if (record.kind === "remove") this.#live.delete(record.id);
    else if (record.kind === "job") this.#jobs.set(record.id, record.job);
    else if (record.kind === "allocation") {
      const job = must(this.#jobs.get(record.job), `the client state lacks job ${record.job}`);
      const progress = this.#live.get(record.id)?.progress ?? { tasks: {}, deploymentStatus: null };
      this.#live.set(record.id, { allocation: { ...record.allocation, Job: job }, progress });
    } else {
      const live = this.#live.get(record.id);
      if (live) live.progress = record.progress;
    }
  }
}
