import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock, systemRandom } from "@steppe/shared";
import { type LogStore, openLogStore, openRowStore, type RowStore } from "@steppe/storage";

import { RaftDriver } from "../../src/raft/driver.js";
import type { AppliedEntry, RaftStateMachine } from "../../src/raft/state-machine.js";
import { RpcTransport } from "../../src/rpc/transport.js";
import { silentLogger, until } from "../rpc/fixtures.js";

/** Keeps key=value pairs; an entry is `key=value`, and its result is the value before. */
export class ToyStateMachine implements RaftStateMachine {
  values = new Map<string, string>();
  appliedIndex = 0;
  durableIndex = 0;
  restores = 0;
  readonly #rows: RowStore;
  #dirty = new Set<string>();

  constructor(rows: RowStore) {
    this.#rows = rows;
  }

  async load(): Promise<void> {
    const { appliedIndex, rows } = this.#rows.load();
    for await (const batch of rows)
      for (const { key, value } of batch) this.values.set(key, Buffer.from(value!).toString());
    this.appliedIndex = this.durableIndex = appliedIndex;
  }

  apply(entries: readonly AppliedEntry[]): unknown[] {
    return entries.map(({ index, data }) => {
      if (index !== this.appliedIndex + 1) throw new Error(`entry ${index} after ${this.appliedIndex}`);
      this.appliedIndex = index;
      if (data.byteLength === 0) return undefined;
      const [key, value] = Buffer.from(data).toString().split("=") as [string, string];
      const before = this.values.get(key);
      this.values.set(key, value);
      this.#dirty.add(key);
      return before;
    });
  }

  async flush(): Promise<void> {
    const index = this.appliedIndex;
    const dirty = [...this.#dirty].map((key) => ({ table: "kv", key, value: Buffer.from(this.values.get(key)!) }));
    this.#dirty.clear();
    await this.#rows.write(dirty, index, {});
    this.durableIndex = index;
  }

  snapshotChunks(): AsyncIterable<Uint8Array> {
    const text = JSON.stringify({ index: this.appliedIndex, values: [...this.values] });
    return (async function* () {
      for (let at = 0; at < text.length; at += 1000) yield Buffer.from(text.slice(at, at + 1000));
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    const { index, values } = JSON.parse(Buffer.concat(pieces).toString()) as {
      index: number;
      values: [string, string][];
    };
    const rows = values.map(([key, value]) => ({ table: "kv", key, value: Buffer.from(value) }));
    await this.#rows.replaceAll(rows, index, {});
    this.values = new Map(values);
    this.#dirty.clear();
    this.appliedIndex = this.durableIndex = index;
    this.restores++;
  }
}

export interface ToyServer {
  readonly driver: RaftDriver;
  readonly machine: ToyStateMachine;
  readonly log: LogStore;
  readonly transport: RpcTransport;
  readonly fatal: unknown[];
  readonly leadership: boolean[];
  close(options?: { abrupt?: boolean }): Promise<void>;
}

const uuid = (n: number): string => `${String(n).repeat(8)}-0000-4000-8000-000000000000`;

/** Servers 1, 2, ... in one process, over real sockets and real disks. */
export class ToyCluster {
  readonly root: string;
  readonly size: number;
  readonly #servers = new Map<number, ToyServer>();
  readonly #ports = new Map<number, number>();
  compaction = { entries: 32_768, bytes: 96 * 1024 * 1024, keepEntries: 8_192 };

  private constructor(root: string, size: number) {
    this.root = root;
    this.size = size;
  }

  static async create(size: number, options: Partial<Pick<ToyCluster, "compaction">> = {}): Promise<ToyCluster> {
    const cluster = new ToyCluster(await mkdtemp(join(tmpdir(), "steppe-raft-")), size);
    Object.assign(cluster, options);
    // Ports are found out beforehand: the configuration names all addresses.
    for (let n = 1; n <= size + 1; n++) await cluster.#reservePort(n);
    for (let n = 1; n <= size; n++) await cluster.start(n);
    return cluster;
  }

  /** Runs `fn` with a cluster and removes everything afterwards. */
  static async with(
    size: number,
    fn: (cluster: ToyCluster) => Promise<void>,
    options: Partial<Pick<ToyCluster, "compaction">> = {},
  ): Promise<void> {
    const cluster = await ToyCluster.create(size, options);
    try {
      await fn(cluster);
    } finally {
      await cluster.destroy();
    }
  }

  async destroy(): Promise<void> {
    for (const server of this.#servers.values()) await server.close({ abrupt: true });
    await rm(this.root, { recursive: true, force: true });
  }

  async #reservePort(n: number): Promise<void> {
    const { createServer } = await import("node:net");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#ports.set(n, (server.address() as { port: number }).port);
    await new Promise((resolve) => server.close(resolve));
  }

  address(n: number): { id: string; name: string; address: string } {
    return { id: uuid(n), name: `server-${n}`, address: `127.0.0.1:${this.#ports.get(n)}` };
  }

  async start(n: number, bootstrap = true): Promise<ToyServer> {
    const directory = join(this.root, String(n));
    const log = await openLogStore(join(directory, "raft"));
    const rows = await openRowStore(join(directory, "state"));
    const machine = new ToyStateMachine(rows);
    await machine.load();
    const { parseAddress } = await import("../../src/rpc/sockets.js");
    const { raftIdOf } = await import("../../src/raft/raft-id.js");
    const { id, address } = this.address(n);
    const common = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const transport = new RpcTransport({
      identity: { region: "global", id: raftIdOf(id) },
      ...parseAddress(address)!,
      ...common,
    });
    const fatal: unknown[] = [];
    const leadership: boolean[] = [];
    const driver = new RaftDriver({
      id,
      log,
      stateMachine: machine,
      syncState: () => rows.sync(),
      transport,
      onRequest: () => ({ status: 200, headers: {}, body: `server ${n}` }),
      ...common,
      snapshotDirectory: join(directory, "incoming"),
      onFatal: (error) => fatal.push(error),
      compaction: this.compaction,
    });
    driver.onLeadership((leading) => leadership.push(leading));
    const peers = Array.from({ length: this.size }, (_, i) => this.address(i + 1));
    await driver.start(bootstrap ? peers : undefined);
    const close = async (options?: { abrupt?: boolean }): Promise<void> => {
      this.#servers.delete(n);
      await driver.stop(options);
      await log.close();
      await rows.close();
    };
    const server: ToyServer = { driver, machine, log, transport, fatal, leadership, close };
    this.#servers.set(n, server);
    return server;
  }

  get servers(): ToyServer[] {
    return [...this.#servers.values()];
  }

  server(n: number): ToyServer {
    return this.#servers.get(n)!;
  }

  number(server: ToyServer): number {
    return [...this.#servers].find(([, one]) => one === server)![0];
  }

  /** The one leader that has announced itself and that all running servers follow. */
  async leader(): Promise<ToyServer> {
    let found: ToyServer | undefined;
    await until(() => {
      const leaders = this.servers.filter(({ driver, leadership }) => driver.isLeader() && leadership.at(-1) === true);
      found = leaders[0];
      return leaders.length === 1 && this.servers.every(({ driver }) => driver.leaderId() === found!.driver.leaderId());
    }, "one leader");
    return found!;
  }

  /** Proposes until it is known to be done: for tests that do not care who leads. */
  async write(text: string): Promise<{ index: number; result: unknown }> {
    for (;;) {
      const leader = await this.leader();
      try {
        return await leader.driver.propose(Buffer.from(text));
      } catch {
        // The leader changed: the toy's writes may be repeated.
      }
    }
  }
}
