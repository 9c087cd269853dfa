import type { Readable } from "node:stream";

import type { Message } from "raft-ts";

/** A request that one server hands to another: the shape of the API's `WireRequest`. */
export interface RpcRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly remoteAddress: string;
}

/** Its answer. A stream is passed on as it comes. */
export interface RpcResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string | Readable;
}

/** What a handler knows of the call besides the request. */
export interface RpcCall {
  /** Aborted when the caller cancels or goes away. Made when first asked for: most requests never wait. */
  readonly signal: AbortSignal;
}

/** What the transport tells the server. All are called from the event loop's turn that read the frame. */
export interface RpcHandlers {
  onMessage(message: Message): void;
  /** Takes a snapshot; resolves when it has been received, rejects to refuse it. `header` is what the sender gave, unchecked. */
  onSnapshot(from: number, header: unknown, chunks: Readable): Promise<void>;
  onRequest(request: RpcRequest, call: RpcCall): RpcResponse | Promise<RpcResponse>;
  /** A message to this peer was dropped. */
  onUnreachable(peer: number): void;
  /** An established connection to this peer was lost, and its port refuses a new one: its process is gone. */
  onRefused(peer: number): void;
}

/** Who this server is towards its peers. */
export interface RpcIdentity {
  readonly region: string;
  /** Its Raft id. */
  readonly id: number;
}
