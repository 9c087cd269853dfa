import type { Socket } from "node:net";

/** Frames up to this total are joined into one write; larger ones go as they are. */
const JOIN_BYTES_MAX = 128 * 1024;

/**
 * Gathers the frames that are made during one turn of the event loop and hands them to the socket together: one system call
 * instead of hundreds.
 */
export class FrameWriter {
  readonly #socket: Socket;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What has not been handed to the kernel yet. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** Sends a frame before the event loop waits again; `rest` continues it. */
  send(frame: Buffer, rest?: Buffer): void {
    this.#queue.push(frame);
    this.#queuedBytes += frame.byteLength;
    if (rest !== undefined) {
      this.#queue.push(rest);
      this.#queuedBytes += rest.byteLength;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Sends what is there now. */
  flush(): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    if (this.#socket.destroyed) return;
    if (queue.length === 1) this.#socket.write(queue[0]!);
    else if (bytes <= JOIN_BYTES_MAX) this.#socket.write(Buffer.concat(queue, bytes));
    else {
      this.#socket.cork();
      for (const buffer of queue) this.#socket.write(buffer);
      this.#socket.uncork();
    }
  }
}
