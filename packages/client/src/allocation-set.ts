import type { Clock, Timer } from "@steppe/shared";
import { type Allocation, clientTerminal, serverTerminal } from "@steppe/structs";

import { AllocationRunner, type RunnerContext } from "./allocation-runner.js";
import { type Assignment, isFull } from "./assignment-watch.js";
import type { StoredAllocation } from "./state-store.js";
import type { UpdateQueue } from "./update-queue.js";

/** Progress is written in batches: a death in between costs nothing that the drivers do not know better. */
const SAVE_DELAY_MS = 20;
const COLLECT_RETRY_MS = 2_000;
/** How many allocations start before the event loop gets its turn. */
const STARTS_PER_SLICE = 25;

/** All allocations of this node: brings what runs in line with what the servers assign, and forgets what is over. */
export class AllocationSet {
  readonly #context: RunnerContext;
  readonly #queue: UpdateQueue;
  readonly #keepTerminal: number;
  readonly #clock: Clock;
  readonly #runners = new Map<string, AllocationRunner>();
  /** Terminal allocations in the order of their ends; their directories are kept for people to look at. */
  readonly #terminal = new Set<string>();
  /** Assigned, but nothing to run any more: with the version that was looked at. */
  readonly #ignored = new Map<string, number>();
  #saveTimer: Timer | undefined;
  #collecting: Promise<void> | undefined;
  #collectTimer: Timer | undefined;
  readonly #withdrawn = new Set<string>();
  #closed = false;

  constructor(options: {
    context: Omit<RunnerContext, "onChange" | "runnerOf">;
    queue: UpdateQueue;
    /** How many terminal allocations keep their directories. */
    keepTerminal: number;
  }) {
    this.#queue = options.queue;
    this.#keepTerminal = options.keepTerminal;
    this.#clock = options.context.clock;
    this.#context = {
      ...options.context,
      onChange: (runner) => this.#changed(runner),
      runnerOf: (id) => this.#runners.get(id),
    };
  }

  get size(): number {
    return this.#runners.size;
  }

  get(id: string): AllocationRunner | undefined {
    return this.#runners.get(id);
  }

  values(): Iterable<AllocationRunner> {
    return this.#runners.values();
  }

  /** Takes up the allocations of an earlier agent. */
  restore(entries: readonly StoredAllocation[]): void {
    for (const entry of entries) {
      const runner = new AllocationRunner(this.#context, entry.allocation, entry);
      this.#runners.set(runner.id, runner);
    }
    for (const runner of this.#runners.values()) this.#start(runner);
  }

  /** Brings the node in line with the complete list of its assignments. */
  async reconcile(assignments: readonly Assignment[]): Promise<"news" | "nothing" | "incomplete"> {
    let news = false;
    let incomplete = false;
    const created: Allocation[] = [];
    for (const assignment of assignments) {
      const runner = this.#runners.get(assignment.ID);
      const known = runner?.allocation.AllocModifyIndex ?? this.#ignored.get(assignment.ID);
      const changed = known !== assignment.AllocModifyIndex;
      if (changed && !isFull(assignment)) incomplete = true;
      if (changed && isFull(assignment)) {
        news = true;
        if (runner) runner.update(assignment);
        else if (isOver(assignment)) this.#ignored.set(assignment.ID, assignment.AllocModifyIndex);
        else created.push(assignment);
      }
      if (runner) this.#align(runner, assignment);
    }
    const assigned = new Set(assignments.map((assignment) => assignment.ID));
    for (const id of this.#ignored.keys()) if (!assigned.has(id)) this.#ignored.delete(id);
    for (const runner of this.#runners.values()) if (!assigned.has(runner.id)) this.#withdraw(runner);
    if (news) this.#saveSoon();
    await this.#startAll(created);
    if (incomplete) return "incomplete";
    return news ? "news" : "nothing";
  }

  /** Lets go of all tasks, which run on. */
  detachAll(): void {
    for (const runner of this.#runners.values()) runner.detach();
  }

  /** Kills all tasks and waits for their ends. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#saveTimer?.clear();
    this.#collectTimer?.clear();
    await this.#collecting;
  }

  /** On disk first: a task that nobody remembers would never be stopped. */
  async #startAll(allocations: readonly Allocation[]): Promise<void> {
    if (allocations.length === 0) return;
    for (const allocation of allocations) this.#context.store.putAllocation(allocation);
    await this.#context.store.flush();
    for (const [i, allocation] of allocations.entries()) {
      if (this.#closed) return;
      const runner = new AllocationRunner(this.#context, allocation);
      this.#runners.set(runner.id, runner);
      this.#start(runner);
      if (i % STARTS_PER_SLICE === STARTS_PER_SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #start(runner: AllocationRunner): void {
    runner.start();
    void runner.done.then(() => this.#ended(runner));
  }

  #align(runner: AllocationRunner, assignment: Assignment): void {
    if (serverTerminal(assignment) && !runner.terminal) void runner.stop();
    // The servers missed the end: an earlier agent died before it could tell, or they were restored.
    const lagging = isFull(assignment) && runner.terminal && !clientTerminal(assignment);
    if (lagging && !this.#queue.has(runner.id)) this.#report(runner);
  }

  /** The servers do not list the allocation: it is over for both sides, or it was removed while it ran. */
  #withdraw(runner: AllocationRunner): void {
    if (runner.terminal || this.#withdrawn.has(runner.id)) return;
    this.#withdrawn.add(runner.id);
    this.#context.logger.info("an allocation was removed by the servers", { allocation: runner.id });
    void runner.stop().then(() => this.#forget(runner));
  }

  #changed(runner: AllocationRunner): void {
    this.#report(runner);
    this.#saveSoon();
  }

  #report(runner: AllocationRunner): void {
    this.#queue.add(runner.id, () => runner.clientUpdate());
  }

  #ended(runner: AllocationRunner): void {
    if (!runner.terminal || !this.#runners.has(runner.id)) return;
    this.#terminal.add(runner.id);
    this.#collectSoon();
  }

  #saveSoon(): void {
    if (this.#saveTimer || this.#closed) return;
    this.#saveTimer = this.#clock.after(
      SAVE_DELAY_MS,
      () => {
        this.#saveTimer = undefined;
        this.#context.store
          .flush()
          .catch((error: unknown) => this.#context.logger.error("cannot save the client's state", { error }));
      },
      true,
    );
  }

  #collectSoon(): void {
    if (this.#terminal.size <= this.#keepTerminal || this.#closed) return;
    this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined));
  }

  /** Removes the directories of the allocations that ended first, once the servers know how they ended. */
  async #collect(): Promise<void> {
    for (const id of [...this.#terminal]) {
      if (this.#closed || this.#terminal.size <= this.#keepTerminal) return;
      const runner = this.#runners.get(id);
      if (runner && !this.#queue.has(id)) await this.#forget(runner);
    }
    // The servers have not heard of some of them yet.
    if (!this.#closed) this.#collectTimer ??= this.#clock.after(COLLECT_RETRY_MS, () => this.#collectAgain(), true);
  }

  #collectAgain(): void {
    this.#collectTimer = undefined;
    this.#collectSoon();
  }

  async #forget(runner: AllocationRunner): Promise<void> {
    if (this.#closed) return;
    this.#terminal.delete(runner.id);
    this.#withdrawn.delete(runner.id);
    this.#runners.delete(runner.id);
    this.#ignored.set(runner.id, runner.allocation.AllocModifyIndex);
    this.#context.store.remove(runner.id);
    this.#saveSoon();
    try {
      await runner.directory.destroy();
    } catch (error) {
      this.#context.logger.warn("cannot remove an allocation's directory", { allocation: runner.id, error });
    }
  }
}

/** There is nothing to run: the servers want it stopped, or an earlier agent saw its end. */
function isOver(allocation: Allocation): boolean {
  return serverTerminal(allocation) || clientTerminal(allocation);
}
