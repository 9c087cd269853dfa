import { assert } from "@steppe/shared";
import type { LogConfiguration } from "@steppe/storage";
import type { ConfState } from "raft-ts";

import type { RaftPeer } from "../context.js";
import { raftIdOf } from "./raft-id.js";

/** A server as the log's configuration changes name it. */
export interface ServerAddress {
  /** The server's UUID. */
  readonly id: string;
  readonly name: string;
  /** `host:port` of its RPC. */
  readonly address: string;
}

export function encodeServer(server: ServerAddress): Uint8Array {
  const { id, name, address } = server;
  return Buffer.from(JSON.stringify({ id, name, address }));
}

function decodeServer(context: Uint8Array | undefined): ServerAddress | undefined {
  return context === undefined ? undefined : (JSON.parse(Buffer.from(context).toString()) as ServerAddress);
}

/**
 * Who is in the cluster, as of the last applied configuration change, and where they are reached. Addresses come with
 * the changes; the members' exchange corrects them when a server moves.
 */
export class Members {
  #configuration: LogConfiguration;
  readonly #servers = new Map<number, ServerAddress>();
  readonly #moved = new Map<number, { name: string; address: string }>();

  constructor(configuration: LogConfiguration) {
    this.#configuration = configuration;
    this.replace(configuration);
  }

  /** As it is to be stored. */
  get configuration(): LogConfiguration {
    return this.#configuration;
  }

  /** Takes over a configuration out of the log or a snapshot. */
  replace(configuration: LogConfiguration): void {
    this.#configuration = configuration;
    this.#servers.clear();
    for (const server of (configuration.context ?? []) as ServerAddress[])
      this.#servers.set(raftIdOf(server.id), server);
  }

  /** The members of a new cluster: Raft has all of them in its configuration before it hands out the entries that add them. */
  seed(servers: readonly ServerAddress[]): void {
    for (const server of servers) this.#servers.set(raftIdOf(server.id), server);
  }

  /** The change of entry `index` was applied, with this result. Returns what is to be stored. */
  change(index: number, confState: ConfState, raftId: number, context: Uint8Array | undefined): LogConfiguration {
    const server = decodeServer(context);
    if (server !== undefined) this.#servers.set(raftId, server);
    const present = new Set([...confState.voters, ...confState.learners, ...confState.votersOutgoing]);
    for (const id of this.#servers.keys()) if (!present.has(id)) this.#servers.delete(id);
    for (const id of present) assert(this.#servers.has(id), `Raft node ${id} has no server`);
    this.#configuration = { index, confState, context: [...this.#servers.values()] };
    return this.#configuration;
  }

  /** A server says where it is now. True if that is news. */
  move(uuid: string, name: string, address: string): boolean {
    const raftId = raftIdOf(uuid);
    const before = this.#moved.get(raftId) ?? this.#servers.get(raftId);
    if (before?.address === address && before.name === name) return false;
    this.#moved.set(raftId, { name, address });
    return true;
  }

  /** Nobody says any more where a server is: what the configuration has must do. */
  forget(uuid: string): void {
    this.#moved.delete(raftIdOf(uuid));
  }

  get(raftId: number): RaftPeer | undefined {
    const server = this.#servers.get(raftId);
    if (server === undefined) return undefined;
    return { ...server, ...this.#moved.get(raftId), voter: this.#configuration.confState.voters.includes(raftId) };
  }

  /** Where to reach a node, in the configuration or not: one that is about to join answers before it knows who is in. */
  addresses(): Map<number, string> {
    const found = new Map<number, string>();
    for (const [raftId, { address }] of this.#servers) found.set(raftId, address);
    for (const [raftId, { address }] of this.#moved) found.set(raftId, address);
    return found;
  }

  names(): string[] {
    return this.raftIds().map((id) => this.get(id)?.name ?? String(id));
  }

  raftIds(): number[] {
    return [...this.#servers.keys()].sort((a, b) => a - b);
  }
}
