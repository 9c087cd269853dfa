import { type Clock, errorMessage, type Random } from "@steppe/shared";
import { type Node, type NodeContactResponse, NodeStatus } from "@steppe/structs";

import type { Logger } from "./logger.js";
import { pause } from "./pause.js";
import { RetryDelay } from "./retry-delay.js";
import { hasStatus, type ServerPool } from "./server-pool.js";

const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_TTL_MS = 10_000;

/**
 * Keeps the node known to the servers: registers it, then sends a heartbeat well before each TTL ends, and registers again when a server
 * does not know the node. A node that is not heard of within its TTL is down and loses its allocations.
 */
export class Registration {
  /** Resolves when the node has been registered and is ready. */
  readonly ready: Promise<void>;
  readonly #pool: ServerPool;
  readonly #node: () => Node;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #retry: RetryDelay;
  #wake = new AbortController();
  #registered = false;
  #lastContactMs: number | undefined;
  #ttlMs = DEFAULT_TTL_MS;
  #markReady: () => void = () => undefined;
  #loop: Promise<void> | undefined;

  constructor(options: { pool: ServerPool; node: () => Node; clock: Clock; random: Random; logger: Logger }) {
    this.#pool = options.pool;
    this.#node = options.node;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger;
    this.#retry = new RetryDelay({ firstMs: 100, lastMs: 3_000, random: options.random });
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
  }

  /** Milliseconds since a server last answered; undefined before the first answer. */
  get lastContactMs(): number | undefined {
    return this.#lastContactMs === undefined ? undefined : this.#clock.monotonicMs() - this.#lastContactMs;
  }

  get heartbeatTtlMs(): number {
    return this.#ttlMs;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
  }

  /** The servers have forgotten the node, or its attributes have changed: register at once. */
  renew(): void {
    this.#registered = false;
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const delayMs = await this.#contact();
      if (signal.aborted) return;
      await pause(this.#clock, delayMs, this.#wake.signal);
      this.#wake = new AbortController();
    }
  }

  /** Registers or sends a heartbeat; returns how long to wait until the next one. */
  async #contact(): Promise<number> {
    try {
      if (this.#registered) {
        this.#accept(await this.#put("heartbeat", { Status: NodeStatus.ready }));
      } else {
        // Ready at once: what a node has is known, and earlier tasks are in hand, before it speaks to a server.
        // A node that came back as `initializing` would be unfit for placements until its first heartbeat.
        const node = { ...this.#node(), Status: NodeStatus.ready };
        this.#accept(await this.#put("register", { Node: node }));
        this.#registered = true;
        this.#logger.info("node registered", { node: node.ID });
      }
      this.#retry.reset();
      this.#markReady();
      // Two attempts fit into each TTL, and nodes that were started together drift apart.
      return this.#ttlMs * (0.4 + 0.1 * this.#random.next());
    } catch (error) {
      if (this.#stop.signal.aborted) return 0;
      if (hasStatus(error, 404)) this.#registered = false;
      else this.#logger.warn("cannot reach the servers", { error: errorMessage(error) });
      return this.#retry.nextMs();
    }
  }

  async #put(action: "register" | "heartbeat", body: unknown): Promise<NodeContactResponse> {
    const path = `/v1/node/${this.#node().ID}/${action}`;
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, this.#ttlMs / 2);
    const { signal } = this.#stop;
    return (await this.#pool.request<NodeContactResponse>({ method: "PUT", path, body, timeoutMs, signal })).data;
  }

  #accept(answer: NodeContactResponse): void {
    this.#lastContactMs = this.#clock.monotonicMs();
    if (answer.HeartbeatTTL > 0) this.#ttlMs = answer.HeartbeatTTL / 1e6;
    this.#pool.announce(answer.Servers);
  }
}
