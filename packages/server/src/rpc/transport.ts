import type { Server as HttpServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";

import { assert, type Clock, errorMessage, type Random } from "@steppe/shared";
import { type Message } from "raft-ts";

import type { Logger } from "../context.js";
import { rpcErrors } from "./errors.js";
import { InboundConnection } from "./inbound-connection.js";
import { OutboundLink } from "./outbound-link.js";
import { listen } from "./sockets.js";
import type { RpcHandlers, RpcIdentity, RpcRequest, RpcResponse } from "./types.js";

export interface RpcTransportOptions {
  readonly identity: RpcIdentity;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Who gets the connections on this port that speak HTTP. */
  readonly httpServer?: HttpServer | undefined;
}

/** The servers' connections to each other: one from each server to each of its peers. */
export class RpcTransport {
  readonly #options: RpcTransportOptions;
  readonly #links = new Map<number, OutboundLink>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #handlers: RpcHandlers | undefined;

  constructor(options: RpcTransportOptions) {
    this.#options = options;
  }

  /** Listens, from now on calling the handlers. Rejects with `portInUse` or `listenFailed`. */
  async start(handlers: RpcHandlers): Promise<void> {
    const { host, port, identity, clock, logger, httpServer } = this.#options;
    this.#handlers = handlers;
    this.#server = await listen(host, port, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      new InboundConnection(socket, { identity, handlers, clock, logger, httpServer });
    });
    this.#server.on("error", (error) => logger.error(`rpc: accepting connections: ${errorMessage(error)}`));
  }

  /** The port that it listens on. */
  get port(): number {
    assert(this.#server !== undefined, "the transport has not been started");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connects to a peer, or moves the connection to its new address. */
  setPeer(peer: number, address: string): void {
    assert(this.#handlers !== undefined, "the transport has not been started");
    if (peer === this.#options.identity.id) return;
    const link = this.#links.get(peer);
    if (link !== undefined) return link.setAddress(address);
    this.#links.set(peer, new OutboundLink({ ...this.#options, peer, address, handlers: this.#handlers }));
  }

  /** Connects to these peers, and to no others. */
  setPeers(addresses: ReadonlyMap<number, string>): void {
    for (const peer of this.peers()) if (!addresses.has(peer)) this.removePeer(peer);
    for (const [peer, address] of addresses) this.setPeer(peer, address);
  }

  removePeer(peer: number): void {
    this.#links.get(peer)?.close();
    this.#links.delete(peer);
  }

  /** The peers that there is a connection (or an attempt at one) to. */
  peers(): number[] {
    return [...this.#links.keys()];
  }

  isConnected(peer: number): boolean {
    return this.#links.get(peer)?.ready === true;
  }

  /** Sends a Raft message, or drops it and says so by `onUnreachable`. */
  send(message: Message): void {
    if (this.#links.get(message.to)?.send(message) !== true) this.#handlers?.onUnreachable(message.to);
  }

  /** Sends what is queued now instead of at the end of the event loop's turn. */
  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  /** See `OutboundLink.call`. */
  call(peer: number, request: RpcRequest, signal?: AbortSignal): Promise<RpcResponse> {
    const link = this.#links.get(peer);
    if (link === undefined)
      return Promise.reject(rpcErrors.notSent({ peer, address: "?", reason: "its address is not known" }));
    return link.call(request, signal);
  }

  /** See `OutboundLink.sendSnapshot`. */
  sendSnapshot(peer: number, header: unknown, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const link = this.#links.get(peer);
    if (link === undefined)
      return Promise.reject(rpcErrors.notSent({ peer, address: "?", reason: "its address is not known" }));
    return link.sendSnapshot(header, chunks);
  }

  /** Closes all connections, those handed to the HTTP server too. */
  async close(): Promise<void> {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
