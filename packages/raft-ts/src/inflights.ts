import { invariant } from "./errors.js";

const INITIAL_CAPACITY = 8;

/**
 * The msgApps sent to one follower and not yet acknowledged: a sliding window, limited by messages and by bytes. It holds
 * the last index of each message, in ascending order, in a ring that grows up to the limit only if it is needed.
 */
export class Inflights {
  private readonly maxMessages: number;
  private readonly maxBytes: number;
  private start = 0;
  private used = 0;
  private usedBytes = 0;
  private capacity = 0;
  private indexes: number[] = [];
  private sizes: number[] = [];

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
  }

  get count(): number {
    return this.used;
  }

  /** The last message may exceed the byte limit: what counts is whether another one may be sent. */
  get full(): boolean {
    return this.used >= this.maxMessages || this.usedBytes >= this.maxBytes;
  }

  add(lastIndex: number, bytes: number): void {
    invariant(!this.full, "raft: cannot add to full inflights");
    if (this.used === this.capacity) this.grow();
    const at = (this.start + this.used) % this.capacity;
    this.indexes[at] = lastIndex;
    this.sizes[at] = bytes;
    this.used++;
    this.usedBytes += bytes;
  }

  /** An acknowledgement of an index covers all messages up to it. */
  freeUpTo(index: number): void {
    while (this.used > 0 && this.indexes[this.start]! <= index) {
      this.usedBytes -= this.sizes[this.start]!;
      this.start = (this.start + 1) % this.capacity;
      this.used--;
    }
  }

  reset(): void {
    this.start = 0;
    this.used = 0;
    this.usedBytes = 0;
  }

  private grow(): void {
    const capacity = Math.min(this.maxMessages, Math.max(INITIAL_CAPACITY, this.capacity * 2));
    const indexes: number[] = [];
    const sizes: number[] = [];
    for (let i = 0; i < capacity; i++) {
      const from = (this.start + i) % Math.max(1, this.capacity);
      indexes.push(i < this.used ? this.indexes[from]! : 0);
      sizes.push(i < this.used ? this.sizes[from]! : 0);
    }
    this.indexes = indexes;
    this.sizes = sizes;
    this.capacity = capacity;
    this.start = 0;
  }
}
