import type { Socket } from "node:net";

import type { SteppeError } from "@steppe/shared";
import { type Clock, errorMessage, type Random, type Timer } from "@steppe/shared";
import { type Message } from "raft-ts";

import type { Logger } from "../context.js";
import { rpcErrors } from "./errors.js";
import { encodeFrame, FRAME_BYTES_MAX, FrameKind, FrameReader, PROTOCOL_VERSION, unpack } from "./frames.js";
import { FrameWriter } from "./frame-writer.js";
import { encodeMessage } from "./message-codec.js";
import { dial, parseAddress } from "./sockets.js";
import { StreamReceiver, StreamSender } from "./streams.js";
import type { RpcHandlers, RpcIdentity, RpcRequest, RpcResponse } from "./types.js";

const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 1_000;
const PING_MS = 1_000;
/** Counted in pings rather than in time: a process that stood still must not blame its peers. */
const UNANSWERED_PINGS_MAX = 5;
/** Raft messages are dropped above this: they are sent again, and a queue that cannot drain only makes them late. */
const QUEUED_MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const QUEUED_CALL_BYTES_MAX = 128 * 1024 * 1024;
const CALLS_MAX = 16_384;

export interface LinkOptions {
  readonly identity: RpcIdentity;
  readonly peer: number;
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly handlers: RpcHandlers;
}

interface Call {
  resolve(response: RpcResponse): void;
  readonly reject: (error: SteppeError) => void;
  stream: StreamReceiver | undefined;
  /** Takes the listener off the caller's signal. */
  release: () => void;
}

interface SnapshotTransfer {
  resolve(): void;
  readonly reject: (error: SteppeError) => void;
  readonly sender: StreamSender;
}

/**
 * The connection to one peer, made again whenever it is lost. Over it go this server's messages, requests and snapshots, and
 * the answers to them; the peer's own requests come over the connection that the peer makes.
 */
export class OutboundLink {
  readonly #options: LinkOptions;
  readonly #calls = new Map<number, Call>();
  readonly #snapshots = new Map<number, SnapshotTransfer>();
  #address: string;
  #socket: Socket | undefined;
  #writer: FrameWriter | undefined;
  /** The peer's hello has come: frames may be sent. */
  #ready = false;
  #closed = false;
  /** Whether the last connection had been ready, so that a refusal now means that the peer's process ended. */
  #wasReady = false;
  #failures = 0;
  #timer: Timer | undefined;
  #pingTimer: Timer | undefined;
  #unansweredPings = 0;
  #nextId = 1;
  #lastReason = "";

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#dial();
  }

  get address(): string {
    return this.#address;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** The peer has moved. */
  setAddress(address: string): void {
    if (address === this.#address) return;
    this.#address = address;
    this.#failures = 0;
    if (this.#socket !== undefined) this.#socket.destroy();
    else if (!this.#closed) this.#dial();
  }

  /** Queues a Raft message; false if it was dropped. */
  send(message: Message): boolean {
    const writer = this.#writer;
    if (!this.#ready || writer === undefined || writer.bufferedBytes > QUEUED_MESSAGE_BYTES_MAX) return false;
    writer.send(encodeMessage(message));
    return true;
  }

  /** Sends what is queued without waiting for the end of the turn. */
  flush(): void {
    this.#writer?.flush();
  }

  /**
   * Hands a request to the peer. Rejects with `notSent` if it never left this server, with `unknownOutcome` if the connection
   * was lost before an answer, with `canceled` when the signal is aborted.
   */
  call(request: RpcRequest, signal?: AbortSignal): Promise<RpcResponse> {
    if (signal?.aborted === true) return Promise.reject(rpcErrors.canceled());
    const problem = this.#problem();
    if (problem !== undefined) return Promise.reject(this.#error("notSent", problem));
    const id = this.#takeId();
    const { method, url, headers, body, remoteAddress } = request;
    this.#writer!.send(encodeFrame(FrameKind.request, [id, method, url, headers, body ?? null, remoteAddress]));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(id);
      signal?.addEventListener("abort", onAbort, { once: true });
      const release = (): void => signal?.removeEventListener("abort", onAbort);
      this.#calls.set(id, { resolve, reject, stream: undefined, release });
    });
  }

  /** Streams a snapshot; resolves when the peer has taken it. Rejects with `notSent`, `unknownOutcome` or `snapshotFailed`. */
  sendSnapshot(header: unknown, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (!this.#ready || this.#writer === undefined) return Promise.reject(this.#error("notSent", "not connected"));
    const id = this.#takeId();
    const sender = new StreamSender(this.#writer, id);
    this.#writer.send(encodeFrame(FrameKind.snapshot, [id, header]));
    return new Promise((resolve, reject) => {
      this.#snapshots.set(id, { resolve, reject, sender });
      sender.pipe(chunks).catch((error: unknown) => {
        if (!this.#snapshots.delete(id)) return;
        reject(this.#error("snapshotFailed", errorMessage(error), error));
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.clear();
    this.#socket?.destroy();
  }

  #problem(): string | undefined {
    if (!this.#ready || this.#writer === undefined) return this.#lastReason || "not connected yet";
    if (this.#calls.size >= CALLS_MAX) return "too many requests wait for it";
    if (this.#writer.bufferedBytes > QUEUED_CALL_BYTES_MAX) return "too much waits to be sent to it";
    return undefined;
  }

  #takeId(): number {
    const id = this.#nextId;
    // Ids of long-lived calls are skipped when the 32 bits wrap around.
    do this.#nextId = this.#nextId === 0xffff_ffff ? 1 : this.#nextId + 1;
    while (this.#calls.has(this.#nextId) || this.#snapshots.has(this.#nextId));
    return id;
  }

  #cancel(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    if (this.#ready) this.#writer?.send(encodeFrame(FrameKind.cancel, [id]));
    if (call.stream !== undefined) call.stream.destroy(rpcErrors.canceled());
    else call.reject(rpcErrors.canceled());
  }

  #dial(): void {
    this.#timer = undefined;
    const target = parseAddress(this.#address);
    if (target === undefined) return this.#retryLater(`the address ${JSON.stringify(this.#address)} is not host:port`);
    const socket = dial(target.host, target.port);
    const writer = new FrameWriter(socket);
    const reader = new FrameReader(FRAME_BYTES_MAX);
    let reason = "the connection was closed";
    let refused = false;
    this.#socket = socket;
    this.#writer = writer;
    const timeout = this.#options.clock.after(CONNECT_TIMEOUT_MS, () => {
      if (!this.#ready) socket.destroy(new Error("no answer"));
    });
    socket.once("connect", () => this.#sayHello(writer));
    socket.on("data", (bytes: Buffer) => {
      this.#unansweredPings = 0;
      try {
        reader.push(bytes, (kind, payload) => {
          this.#dispatch(kind, payload);
          return !socket.destroyed;
        });
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      reason = errorMessage(error) || (error.code ?? "error");
      refused = error.code === "ECONNREFUSED";
    });
    socket.once("close", () => {
      timeout.clear();
      this.#lost(reason, refused);
    });
  }

  #sayHello(writer: FrameWriter): void {
    const { identity, peer } = this.#options;
    const hello = { protocol: PROTOCOL_VERSION, region: identity.region, from: identity.id, to: peer };
    writer.send(encodeFrame(FrameKind.hello, hello));
    writer.flush();
  }

  #welcome(payload: Buffer): void {
    const hello = unpack(payload) as { from?: unknown; refusal?: unknown } | null;
    if (typeof hello?.refusal === "string") throw new Error(hello.refusal);
    if (hello?.from !== this.#options.peer) throw new Error("another server lives at this address now");
    this.#ready = true;
    this.#wasReady = true;
    this.#failures = 0;
    this.#lastReason = "";
    this.#unansweredPings = 0;
    this.#pingTimer = this.#options.clock.every(PING_MS, () => this.#ping(), true);
    this.#options.logger.info(`rpc: connected to server ${this.#options.peer} at ${this.#address}`);
  }

  #ping(): void {
    if (this.#unansweredPings >= UNANSWERED_PINGS_MAX)
      return void this.#socket?.destroy(new Error("no answer to pings"));
    this.#unansweredPings++;
    this.#writer?.send(encodeFrame(FrameKind.ping, null));
  }

  #dispatch(kind: number, payload: Buffer): void {
    if (!this.#ready) {
      if (kind !== FrameKind.hello) throw new RangeError("the first frame is no hello");
      return this.#welcome(payload);
    }
    switch (kind) {
      case FrameKind.response:
        return this.#takeResponse(unpack(payload) as [number, number, Record<string, string>, Buffer | string | null]);
      case FrameKind.chunk:
        this.#calls.get(payload.readUInt32BE(0))?.stream?.receive(payload.subarray(4));
        return;
      case FrameKind.end:
        return this.#takeEnd(...(unpack(payload) as [number, string | null]));
      case FrameKind.window: {
        const [id, bytes] = unpack(payload) as [number, number];
        this.#snapshots.get(id)?.sender.grant(bytes);
        return;
      }
      case FrameKind.snapshotResult:
        return this.#takeSnapshotResult(...(unpack(payload) as [number, string | null]));
      case FrameKind.pong:
        return;
      default:
        throw new RangeError(`unknown frame kind ${kind}`);
    }
  }

  #takeResponse([id, status, headers, body]: [number, number, Record<string, string>, Buffer | string | null]): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (body !== null) {
      this.#calls.delete(id);
      call.release();
      return call.resolve({ status, headers, body });
    }
    const grant = (bytes: number): void => {
      if (this.#calls.get(id) === call) this.#writer?.send(encodeFrame(FrameKind.window, [id, bytes]));
    };
    call.stream = new StreamReceiver(grant, () => {
      call.release();
      if (this.#calls.get(id) === call) this.#cancel(id);
    });
    call.resolve({ status, headers, body: call.stream });
  }

  #takeEnd(id: number, reason: string | null): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.release();
    if (call.stream === undefined) call.reject(this.#error("remoteFailed", reason ?? "it sent no answer"));
    else if (reason === null) call.stream.push(null);
    else call.stream.destroy(this.#error("streamLost", reason));
  }

  #takeSnapshotResult(id: number, reason: string | null): void {
    const transfer = this.#snapshots.get(id);
    if (transfer === undefined) return;
    this.#snapshots.delete(id);
    if (reason === null) return transfer.resolve();
    const error = this.#error("snapshotFailed", reason);
    transfer.sender.fail(error);
    transfer.reject(error);
  }

  #lost(reason: string, refused: boolean): void {
    const hadBeenReady = this.#ready;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#ready = false;
    this.#pingTimer?.clear();
    for (const call of this.#calls.values()) {
      call.release();
      if (call.stream !== undefined) call.stream.destroy(this.#error("streamLost", reason));
      else call.reject(this.#error("unknownOutcome", reason));
    }
    this.#calls.clear();
    for (const { sender, reject } of this.#snapshots.values()) {
      const error = this.#error("unknownOutcome", reason);
      sender.fail(error);
      reject(error);
    }
    this.#snapshots.clear();
    if (this.#closed) return;
    this.#report(reason);
    if (hadBeenReady) {
      // At once: whether the port still answers tells a broken connection from a dead process.
      this.#failures = 0;
      this.#dial();
      return;
    }
    if (refused && this.#wasReady) {
      this.#wasReady = false;
      this.#options.handlers.onRefused(this.#options.peer);
    }
    this.#retryLater(reason);
  }

  #retryLater(reason: string): void {
    this.#report(reason);
    const { clock, random } = this.#options;
    const delayMs = Math.min(RECONNECT_MS_MIN * 2 ** Math.min(this.#failures, 10), RECONNECT_MS_MAX);
    this.#failures++;
    this.#timer = clock.after(delayMs * (0.5 + random.next() / 2), () => this.#dial());
  }

  /** Logs why there is no connection, once for each reason. */
  #report(reason: string): void {
    if (reason === this.#lastReason) return;
    this.#lastReason = reason;
    this.#options.logger.warn(`rpc: no connection to server ${this.#options.peer} at ${this.#address}: ${reason}`);
  }

  #error(
    code: "notSent" | "unknownOutcome" | "remoteFailed" | "streamLost" | "snapshotFailed",
    reason: string,
    cause?: unknown,
  ): SteppeError {
    return rpcErrors[code]({ peer: this.#options.peer, address: this.#address, reason }, cause);
  }
}
