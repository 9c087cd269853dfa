import { mkdir } from "node:fs/promises";
import * as path from "node:path";

import { createJsonTransport, type JsonTransport, type TransportTls } from "@steppe/api";
import { type Clock, must, parseDuration, type Random } from "@steppe/shared";
import type { Node } from "@steppe/structs";

import type { AllocationRunner } from "./allocation-runner.js";
import { type RunnerContext } from "./allocation-runner.js";
import { AllocationSet } from "./allocation-set.js";
import { AssignmentWatch } from "./assignment-watch.js";
import { type ClientConfig, DEFAULT_GC_MAX_ALLOCS, DEFAULT_MAX_KILL_TIMEOUT_MS } from "./config.js";
import { createDrivers } from "./drivers/index.js";
import { fingerprintNode } from "./fingerprint/node.js";
import { loadIdentity, type NodeIdentity } from "./identity.js";
import { LogRotator } from "./log-files.js";
import type { Logger } from "./logger.js";
import { Registration } from "./registration.js";
import { ServerPool } from "./server-pool.js";
import { StateStore } from "./state-store.js";
import { UpdateQueue } from "./update-queue.js";

export interface ClientOptions {
  config: ClientConfig;
  /** HTTP addresses (`host:port`) of servers, first known good first; asked anew for every request. */
  servers: () => string[];
  /** The agent's data directory: the client uses `client/` and `alloc/` in it. */
  dataDir: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  nodeName: string;
  region: string;
  datacenter: string;
  /** `host:port` under which servers and people reach this agent. */
  httpAdvertiseAddress: string;
  /** Key material for HTTPS to the servers. */
  tls?: TransportTls;
  /** Where the configuration does not say: raw_exec is on, and tasks get loopback addresses. */
  devMode?: boolean;
  /** Attributes `NAME.version`, e.g. `{nomad: "1.10.5", steppe: "0.1.0"}`. */
  versions?: Readonly<Record<string, string>>;
}

export interface ClientStats {
  nodeId: string;
  knownServers: string[];
  /** Since a server last answered; undefined before the first time. */
  lastContactMs: number | undefined;
  heartbeatTtlMs: number;
  /** Allocations with a runner, terminal ones included. */
  allocations: number;
  /** By client status. */
  allocationsByStatus: Record<string, number>;
  queuedUpdates: number;
}

export interface Client {
  /** Finds running tasks again and begins to talk to the servers; does not wait for them. Throws when the data directory is unusable. */
  start(): Promise<void>;
  /** Lets go of the tasks, or kills them and waits for their end. */
  stop(options: { leaveTasksRunning: boolean }): Promise<void>;
  /** Known once `start` has resolved. */
  readonly nodeId: string;
  /** The node's row as it was last registered. */
  readonly node: Node;
  /** Resolves when the node has been registered and is ready. */
  readonly ready: Promise<void>;
  /** An allocation of this node: for signals, restarts, logs and files. */
  allocation(id: string): AllocationRunner | undefined;
  allocations(): Iterable<AllocationRunner>;
  stats(): ClientStats;
}

const DEFAULT_VERSIONS = { nomad: "1.10.5", steppe: "0.1.0" };
/** How long a stopping agent tries to tell the servers how its tasks ended. */
const FAREWELL_MS = 3_000;

/** The node agent. */
export function createClient(options: ClientOptions): Client {
  return new NodeAgent(options);
}

/** What exists from `start` on. */
interface Parts {
  identity: NodeIdentity;
  node: Node;
  transport: JsonTransport;
  pool: ServerPool;
  store: StateStore;
  rotator: LogRotator;
  registration: Registration;
  watch: AssignmentWatch;
  queue: UpdateQueue;
  allocations: AllocationSet;
}

class NodeAgent implements Client {
  readonly ready: Promise<void>;
  readonly #options: ClientOptions;
  #markReady: () => void = () => undefined;
  #parts: Parts | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
  }

  get nodeId(): string {
    return this.#running.identity.nodeId;
  }

  get node(): Node {
    return this.#running.node;
  }

  get #running(): Parts {
    return must(this.#parts, "the client has not been started");
  }

  allocation(id: string): AllocationRunner | undefined {
    return this.#running.allocations.get(id);
  }

  allocations(): Iterable<AllocationRunner> {
    return this.#running.allocations.values();
  }

  async start(): Promise<void> {
    const parts = await this.#assemble();
    this.#parts = parts;
    parts.rotator.start();
    // Before the first word to a server: what it would assign may be running already.
    parts.allocations.restore(parts.store.entries());
    parts.registration.start();
    // Before that the servers would not know whose assignments are meant.
    void parts.registration.ready.then(() => {
      this.#markReady();
      parts.watch.start();
    });
  }

  async stop(options: { leaveTasksRunning: boolean }): Promise<void> {
    if (this.#parts) await (this.#stopped ??= this.#stop(this.#parts, options.leaveTasksRunning));
  }

  stats(): ClientStats {
    const { identity, pool, registration, allocations, queue } = this.#running;
    const byStatus: Record<string, number> = {};
    for (const runner of allocations.values()) {
      const { status } = runner.status;
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
    return {
      nodeId: identity.nodeId,
      knownServers: pool.addresses(),
      lastContactMs: registration.lastContactMs,
      heartbeatTtlMs: registration.heartbeatTtlMs,
      allocations: allocations.size,
      allocationsByStatus: byStatus,
      queuedUpdates: queue.size,
    };
  }

  async #assemble(): Promise<Parts> {
    const { dataDir, clock, random, logger, devMode = false } = this.#options;
    const config = { ...(devMode && { network_interface: "lo" }), ...this.#options.config };
    const clientDirectory = config.state_dir || path.join(dataDir, "client");
    const allocationsDirectory = config.alloc_dir || path.join(dataDir, "alloc");
    // Tasks may run as any user and have to get through to their directories, but need not list others'.
    await mkdir(allocationsDirectory, { recursive: true, mode: 0o711 });
    const identity = await loadIdentity(clientDirectory, random);
    const store = await StateStore.open(path.join(clientDirectory, "state"), logger);
    const drivers = createDrivers({ config, devMode, clock, logger });
    const node = await fingerprintNode({
      config,
      identity,
      name: this.#options.nodeName,
      datacenter: this.#options.datacenter,
      httpAddress: this.#options.httpAdvertiseAddress,
      tlsEnabled: this.#options.tls !== undefined,
      versions: this.#options.versions ?? DEFAULT_VERSIONS,
      allocationsDirectory,
      drivers,
      nowMs: clock.nowMs(),
    });
    const transport = createJsonTransport(this.#options.tls ? { tls: this.#options.tls } : {});
    const { servers: configured } = this.#options;
    const pool = new ServerPool({ transport, configured, secretId: identity.secretId, logger });
    const registration = new Registration({ pool, node: () => node, clock, random, logger });
    const queue = new UpdateQueue({ pool, nodeId: identity.nodeId, clock, random, logger });
    const rotator = new LogRotator({ clock, logger });
    const context: Omit<RunnerContext, "onChange" | "runnerOf"> = {
      drivers,
      node: () => node,
      region: this.#options.region,
      allocationsDirectory,
      driversDirectory: path.join(clientDirectory, "drivers"),
      maxKillTimeoutMs: maxKillTimeoutMs(config),
      hostVariables: process.env,
      store,
      rotator,
      clock,
      random,
      logger,
    };
    const keepTerminal = config.gc_max_allocs ?? DEFAULT_GC_MAX_ALLOCS;
    const allocations = new AllocationSet({ context, queue, keepTerminal });
    const watch = new AssignmentWatch({
      pool,
      nodeId: identity.nodeId,
      onAssignments: (assignments) => allocations.reconcile(assignments),
      onUnknownNode: () => registration.renew(),
      clock,
      random,
      logger,
    });
    return { identity, node, transport, pool, store, rotator, registration, watch, queue, allocations };
  }

  async #stop(parts: Parts, leaveTasksRunning: boolean): Promise<void> {
    const { registration, watch, queue, allocations, rotator, store, transport } = parts;
    await watch.stop();
    if (leaveTasksRunning) allocations.detachAll();
    else await allocations.stopAll();
    await queue.drain(FAREWELL_MS);
    await Promise.all([registration.stop(), queue.stop()]);
    rotator.stop();
    await allocations.close();
    await store.close();
    transport.close();
  }
}

function maxKillTimeoutMs(config: ClientConfig): number {
  const ns = parseDuration(config.max_kill_timeout ?? "");
  return ns === undefined ? DEFAULT_MAX_KILL_TIMEOUT_MS : ns / 1e6;
}
