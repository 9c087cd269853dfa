import { Packr, RESERVE_START_SPACE, Unpackr } from "msgpackr";

// The wire between the servers of a region. A connection begins with a hello from each side; then frames follow:
//
// frame: length u32 (of what follows it), kind u8, payload
//
// Payloads are MessagePack, except where noted. A stream (the chunks of an answer or of a snapshot) is named by the id of the
// frame that opened it; its receiver grants the sender bytes with `window` frames, so that one slow reader neither fills
// memory nor holds up what shares the connection.

/** Raise it when an older server could not understand the frames. A hello with another version is answered and closed. */
export const PROTOCOL_VERSION = 1;

export const FrameKind = {
  /** {protocol, region, from, to}: from and to are Raft ids, so that a reused address is noticed. The first frame each way. */
  hello: 1,
  /** See message-codec.ts. Dialer to acceptor only. */
  raftMessage: 2,
  /** [id, method, url, headers, body, remoteAddress] */
  request: 3,
  /** [id, status, headers, body]; body undefined: chunks follow. */
  response: 4,
  /** id u32, bytes. */
  chunk: 5,
  /** [id, reason]; reason undefined: complete. */
  end: 6,
  /** [id]: the sender of the request does not want the answer any more. */
  cancel: 7,
  /** [id, bytes] */
  window: 8,
  /** [id, header]: chunks follow, then end. */
  snapshot: 9,
  /** [id, reason]; reason undefined: taken. */
  snapshotResult: 10,
  ping: 11,
  pong: 12,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** A frame above this closes the connection. Above the largest body that the API accepts. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** Before its hello a connection may send no more than this. */
export const HELLO_BYTES_MAX = 1024;
/** How many bytes of a stream may be under way. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
/** How large the chunks of a stream are cut: small enough that heartbeats slip in between. */
export const STREAM_CHUNK_BYTES = 64 * 1024;

const HEADER_BYTES = 5;
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** A frame whose payload is a value. */
export function encodeFrame(kind: FrameKind, value: unknown): Buffer {
  const frame = packr.pack(value, RESERVE_START_SPACE | HEADER_BYTES);
  return sealFrame(frame, kind);
}

/** A frame with `payloadBytes` left to fill from offset `FRAME_PAYLOAD`. */
export function allocateFrame(kind: FrameKind, payloadBytes: number): Buffer {
  return sealFrame(Buffer.allocUnsafe(HEADER_BYTES + payloadBytes), kind);
}

export const FRAME_PAYLOAD = HEADER_BYTES;

/** The start of a chunk frame; its `bytes` follow on the wire without being copied. */
export function chunkHeader(id: number, bytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES + 4);
  header.writeUInt32BE(1 + 4 + bytes, 0);
  header[4] = FrameKind.chunk;
  header.writeUInt32BE(id, HEADER_BYTES);
  return header;
}

/** A value as it is inside a frame. */
export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

/** The value of a payload. Throws on nonsense. */
export function unpack(payload: Buffer): unknown {
  return unpackr.unpack(payload);
}

function sealFrame(frame: Buffer, kind: FrameKind): Buffer {
  frame.writeUInt32BE(frame.byteLength - 4, 0);
  frame[4] = kind;
  return frame;
}

/** Thrown by `FrameReader` on a length that no honest peer sends. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/**
 * Cuts a stream of bytes into frames. Payloads are views into what was received. Bytes that do not complete a frame wait in
 * a list and are joined once, when the frame is complete: a large frame costs one copy however many pieces it came in.
 */
export class FrameReader {
  #maxBytes: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How many bytes must be there before anything can be done. */
  #neededBytes = 4;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `onFrame` for each frame that `bytes` completes, until it returns false. */
  push(bytes: Buffer, onFrame: (kind: number, payload: Buffer) => boolean): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.byteLength;
    if (this.#pendingBytes < this.#neededBytes) return;
    const all = this.#pending.length === 1 ? bytes : Buffer.concat(this.#pending, this.#pendingBytes);
    let at = 0;
    this.#neededBytes = 4;
    while (all.byteLength - at >= 4) {
      const length = all.readUInt32BE(at);
      if (length < 1 || length > this.#maxBytes) throw new FrameError(`a frame of ${length} bytes`);
      this.#neededBytes = 4 + length;
      if (all.byteLength - at < this.#neededBytes) break;
      const end = at + this.#neededBytes;
      this.#neededBytes = 4;
      if (!onFrame(all[at + 4]!, all.subarray(at + HEADER_BYTES, end))) return;
      at = end;
    }
    this.#pending = at === all.byteLength ? [] : [at === 0 ? all : all.subarray(at)];
    this.#pendingBytes = all.byteLength - at;
  }
}
