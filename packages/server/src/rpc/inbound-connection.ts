import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";

import { type Clock, errorMessage, type Timer } from "@steppe/shared";

import type { Logger } from "../context.js";
import { rpcErrors } from "./errors.js";
import {
  encodeFrame,
  FRAME_BYTES_MAX,
  FrameKind,
  FrameReader,
  HELLO_BYTES_MAX,
  PROTOCOL_VERSION,
  unpack,
} from "./frames.js";
import { FrameWriter } from "./frame-writer.js";
import { decodeMessage } from "./message-codec.js";
import { StreamReceiver, StreamSender } from "./streams.js";
import type { RpcCall, RpcHandlers, RpcIdentity, RpcRequest } from "./types.js";

const HELLO_TIMEOUT_MS = 5_000;
/** A dialer pings each second. */
const IDLE_TIMEOUT_MS = 60_000;
/** Answers that the dialer does not read: until it does, nothing more is read from it. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
const HTTP_METHODS = ["GET ", "PUT ", "POST ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "TRACE "];

export interface InboundOptions {
  readonly identity: RpcIdentity;
  readonly handlers: RpcHandlers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly httpServer: HttpServer | undefined;
}

/**
 * A connection that somebody made to the RPC port. Whatever it sends can close it, and do nothing else to this server.
 * HTTP is handed to the HTTP server; a peer says hello, then sends messages, requests and snapshots.
 */
export class InboundConnection {
  readonly #socket: Socket;
  readonly #options: InboundOptions;
  readonly #reader = new FrameReader(HELLO_BYTES_MAX);
  readonly #writer: FrameWriter;
  readonly #calls = new Map<number, PendingCall>();
  readonly #snapshots = new Map<number, StreamReceiver>();
  readonly #onData = (bytes: Buffer): void => this.#receive(bytes);
  #sniffed: Buffer | undefined = Buffer.alloc(0);
  #helloTimer: Timer;
  /** The dialer's Raft id, once it has said hello. */
  #from = 0;

  constructor(socket: Socket, options: InboundOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#writer = new FrameWriter(socket);
    this.#helloTimer = options.clock.after(HELLO_TIMEOUT_MS, () => socket.destroy(), true);
    socket.on("data", this.#onData);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  #onError = (error: Error): void => {
    this.#options.logger.debug(`rpc: connection from ${this.#socket.remoteAddress ?? "?"}: ${errorMessage(error)}`);
  };

  #onClose = (): void => {
    this.#helloTimer.clear();
    for (const call of this.#calls.values()) call.abort();
    this.#calls.clear();
    const lost = rpcErrors.streamLost({ peer: this.#from });
    for (const stream of this.#snapshots.values()) stream.destroy(lost);
    this.#snapshots.clear();
  };

  #receive(bytes: Buffer): void {
    let input = bytes;
    if (this.#sniffed !== undefined) {
      input = this.#sniffed.byteLength === 0 ? bytes : Buffer.concat([this.#sniffed, bytes]);
      const guess = looksLikeHttp(input);
      if (guess === "maybe") {
        this.#sniffed = input;
        return;
      }
      this.#sniffed = undefined;
      if (guess === "yes") return this.#handToHttp(input);
    }
    try {
      this.#reader.push(input, (kind, payload) => {
        if (this.#from === 0) return this.#admit(kind, payload);
        this.#dispatch(kind, payload);
        return !this.#socket.destroyed;
      });
    } catch (error) {
      this.#options.logger.debug(
        `rpc: closing the connection from ${this.#socket.remoteAddress ?? "?"}: ${errorMessage(error)}`,
      );
      this.#socket.destroy();
    }
    if (this.#writer.bufferedBytes > UNREAD_BYTES_MAX && !this.#socket.isPaused()) {
      this.#writer.flush();
      this.#socket.pause();
      this.#socket.once("drain", () => this.#socket.resume());
    }
  }

  #handToHttp(bytes: Buffer): void {
    const { httpServer } = this.#options;
    this.#helloTimer.clear();
    if (httpServer === undefined) return void this.#socket.destroy();
    this.#socket.pause();
    this.#socket.off("data", this.#onData);
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    this.#socket.unshift(bytes);
    httpServer.emit("connection", this.#socket);
    this.#socket.resume();
  }

  /** Checks the hello. Answers with this server's own, or with the reason why not. */
  #admit(kind: number, payload: Buffer): boolean {
    const { identity } = this.#options;
    const hello = kind === FrameKind.hello ? (unpack(payload) as Record<string, unknown> | null) : null;
    const from = hello?.["from"];
    if (typeof hello !== "object" || !Number.isSafeInteger(from) || (from as number) <= 0) {
      this.#socket.destroy();
      return false;
    }
    const { protocol, region, to } = hello as Record<string, unknown>;
    const refusal =
      protocol !== PROTOCOL_VERSION
        ? `it speaks version ${PROTOCOL_VERSION} of the servers' protocol, not ${String(protocol)}`
        : region !== identity.region
          ? `it is a server of region ${identity.region}, not ${String(region)}`
          : to !== identity.id
            ? "another server lives at this address now"
            : undefined;
    this.#helloTimer.clear();
    const answer = { protocol: PROTOCOL_VERSION, region: identity.region, from: identity.id, to: from, refusal };
    this.#writer.send(encodeFrame(FrameKind.hello, answer));
    if (refusal !== undefined) {
      this.#writer.flush();
      this.#socket.end();
      this.#helloTimer = this.#options.clock.after(HELLO_TIMEOUT_MS, () => this.#socket.destroy(), true);
      return false;
    }
    this.#from = from as number;
    this.#reader.maxBytes = FRAME_BYTES_MAX;
    this.#socket.setTimeout(IDLE_TIMEOUT_MS, () => this.#socket.destroy());
    return true;
  }

  #dispatch(kind: number, payload: Buffer): void {
    switch (kind) {
      case FrameKind.raftMessage: {
        const message = decodeMessage(payload);
        // A peer speaks for itself only.
        if (message.from === this.#from && message.to === this.#options.identity.id) {
          this.#options.handlers.onMessage(message);
        }
        return;
      }
      case FrameKind.request:
        return this.#startCall(payload);
      case FrameKind.cancel: {
        const [id] = unpack(payload) as [number];
        this.#calls.get(id)?.abort();
        this.#calls.delete(id);
        return;
      }
      case FrameKind.window: {
        const [id, bytes] = unpack(payload) as [number, number];
        this.#calls.get(id)?.sender?.grant(bytes);
        return;
      }
      case FrameKind.snapshot:
        return this.#startSnapshot(payload);
      case FrameKind.chunk:
        this.#snapshots.get(payload.readUInt32BE(0))?.receive(payload.subarray(4));
        return;
      case FrameKind.end: {
        const [id, reason] = unpack(payload) as [number, string | null];
        const stream = this.#snapshots.get(id);
        if (reason === null) stream?.push(null);
        else stream?.destroy(rpcErrors.streamLost({ peer: this.#from }, reason));
        return;
      }
      case FrameKind.ping:
        return this.#writer.send(encodeFrame(FrameKind.pong, null));
      default:
        throw new RangeError(`unknown frame kind ${kind}`);
    }
  }

  #startCall(payload: Buffer): void {
    const [id, method, url, headers, body, remoteAddress] = unpack(payload) as [
      number,
      string,
      string,
      Record<string, string>,
      Buffer | null,
      string,
    ];
    if (!Number.isSafeInteger(id) || typeof method !== "string" || typeof url !== "string") {
      throw new RangeError("not a request");
    }
    const call = new PendingCall();
    this.#calls.set(id, call);
    const request: RpcRequest = { method, url, headers, body: body ?? undefined, remoteAddress };
    void this.#answer(id, call, request);
  }

  async #answer(id: number, call: PendingCall, request: RpcRequest): Promise<void> {
    try {
      const pending = this.#options.handlers.onRequest(request, call);
      const { status, headers, body } = pending instanceof Promise ? await pending : pending;
      if (this.#socket.destroyed || this.#calls.get(id) !== call) {
        if (body instanceof Readable) body.destroy();
        return;
      }
      if (!(body instanceof Readable)) {
        this.#writer.send(encodeFrame(FrameKind.response, [id, status, headers, body]));
      } else {
        this.#writer.send(encodeFrame(FrameKind.response, [id, status, headers, null]));
        call.sender = new StreamSender(this.#writer, id);
        await call.sender.pipe(body);
      }
    } catch (error) {
      // Handlers answer errors themselves; this is one that did not. The caller learns that, and no details.
      if (!call.aborted) this.#options.logger.error(`rpc: ${request.method} failed: ${errorMessage(error)}`);
      if (!this.#socket.destroyed) this.#writer.send(encodeFrame(FrameKind.end, [id, "internal error"]));
    } finally {
      if (this.#calls.get(id) === call) this.#calls.delete(id);
    }
  }

  #startSnapshot(payload: Buffer): void {
    const [id, header] = unpack(payload) as [number, unknown];
    const grant = (bytes: number): void => this.#writer.send(encodeFrame(FrameKind.window, [id, bytes]));
    const stream = new StreamReceiver(grant, () => this.#snapshots.delete(id));
    this.#snapshots.set(id, stream);
    const finish = (reason: string | null): void => {
      stream.destroy();
      if (!this.#socket.destroyed) this.#writer.send(encodeFrame(FrameKind.snapshotResult, [id, reason]));
    };
    this.#options.handlers.onSnapshot(this.#from, header, stream).then(
      () => finish(null),
      (error: unknown) => finish(errorMessage(error)),
    );
  }
}

/** A request that is being answered. */
class PendingCall implements RpcCall {
  sender: StreamSender | undefined;
  #controller: AbortController | undefined;
  #aborted = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
    this.sender?.fail(rpcErrors.canceled());
  }
}

/** Frames begin with a zero or small byte (their length); HTTP with a method in capitals. */
function looksLikeHttp(bytes: Buffer): "yes" | "no" | "maybe" {
  const start = bytes.toString("latin1", 0, 8);
  if (HTTP_METHODS.some((method) => start.startsWith(method))) return "yes";
  return start.length < 8 && HTTP_METHODS.some((method) => method.startsWith(start)) ? "maybe" : "no";
}
