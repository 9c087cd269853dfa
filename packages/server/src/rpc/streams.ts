import { Readable } from "node:stream";

import { chunkHeader, encodeFrame, FrameKind, STREAM_CHUNK_BYTES, STREAM_WINDOW_BYTES } from "./frames.js";
import type { FrameWriter } from "./frame-writer.js";

/** The sending side of a stream: sends as many bytes as its receiver has granted, then waits. */
export class StreamSender {
  readonly #writer: FrameWriter;
  readonly #id: number;
  #creditBytes = STREAM_WINDOW_BYTES;
  #wake: (() => void) | undefined;
  #lost: Error | undefined;

  constructor(writer: FrameWriter, id: number) {
    this.#writer = writer;
    this.#id = id;
  }

  /** Sends everything that `source` gives, and the end. Rejects when the source fails or the stream is lost. */
  async pipe(source: AsyncIterable<Uint8Array | string>): Promise<void> {
    try {
      for await (const piece of source) {
        const bytes = typeof piece === "string" ? Buffer.from(piece) : asBuffer(piece);
        for (let at = 0; at < bytes.byteLength; at += STREAM_CHUNK_BYTES) {
          await this.#send(bytes.subarray(at, at + STREAM_CHUNK_BYTES));
        }
      }
    } catch (error) {
      if (this.#lost === undefined) this.#writer.send(encodeFrame(FrameKind.end, [this.#id, String(error)]));
      throw error;
    }
    this.#writer.send(encodeFrame(FrameKind.end, [this.#id, null]));
  }

  /** The receiver can take this many more. */
  grant(bytes: number): void {
    this.#creditBytes += bytes;
    this.#wake?.();
  }

  /** Nobody will read the rest. */
  fail(error: Error): void {
    this.#lost ??= error;
    this.#wake?.();
  }

  async #send(bytes: Buffer): Promise<void> {
    while (this.#creditBytes <= 0 && this.#lost === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#lost !== undefined) throw this.#lost;
    this.#creditBytes -= bytes.byteLength;
    this.#writer.send(chunkHeader(this.#id, bytes.byteLength), bytes);
  }
}

/** The receiving side of a stream: a Readable that grants the sender what its reader has taken. */
export class StreamReceiver extends Readable {
  readonly #grant: (bytes: number) => void;
  #ungrantedBytes = 0;

  /** `onClose` is called once nobody reads any more, whether or not the end was reached. */
  constructor(grant: (bytes: number) => void, onClose: () => void) {
    super({ highWaterMark: STREAM_WINDOW_BYTES });
    this.#grant = grant;
    this.once("close", onClose);
    // A stream that is lost before anyone reads it must not bring the process down: readers see the error themselves.
    this.on("error", () => undefined);
  }

  /** A chunk came in. */
  receive(bytes: Buffer): void {
    this.#ungrantedBytes += bytes.byteLength;
    this.push(bytes);
  }

  override _read(): void {
    if (this.#ungrantedBytes < STREAM_WINDOW_BYTES / 4) return;
    this.#grant(this.#ungrantedBytes);
    this.#ungrantedBytes = 0;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
