import type { Message } from "./types.js";

/** A read that waits for a quorum to confirm the leader. */
export interface PendingRead {
  readonly request: Message;
  readonly index: number;
  readonly acks: Map<number, boolean>;
}

/** The reads of a leader, oldest first: what confirms one confirms all before it. */
export class ReadQueue {
  private readonly pending = new Map<string, PendingRead>();
  private queue: string[] = [];

  add(request: Message, index: number, id: number): void {
    const context = request.context ?? "";
    if (this.pending.has(context)) return;
    // The leader agrees with itself.
    this.pending.set(context, { request, index, acks: new Map([[id, true]]) });
    this.queue.push(context);
  }

  /** The context which the next heartbeats carry: its confirmation settles all. */
  lastContext(): string | undefined {
    return this.queue.at(-1);
  }

  acknowledge(from: number, context: string): ReadonlyMap<number, boolean> | undefined {
    const read = this.pending.get(context);
    read?.acks.set(from, true);
    return read?.acks;
  }

  /** Takes out the reads up to and including this one. */
  release(context: string): PendingRead[] {
    const end = this.queue.indexOf(context) + 1;
    const released = this.queue.slice(0, end).map((key) => this.pending.get(key)!);
    for (const key of this.queue.slice(0, end)) this.pending.delete(key);
    this.queue = this.queue.slice(end);
    return released;
  }

  clear(): void {
    this.pending.clear();
    this.queue = [];
  }
}
