import type { Timer } from "@steppe/shared";
import type { Change } from "@steppe/state";
import { EvalTrigger, type Node, NodeStatus } from "@steppe/structs";
import type { LeaderContext, LeaderLoop } from "./leader-context.js";
import { createEvaluationsForNode } from "./node-evaluations.js";

/** How fine deadlines are kept. */
const BUCKET_MS = 500;
/** After an election nodes need time to find the new leader. */
const FAILOVER_TTL_MS = 300_000;
/** Nodes that are declared down at a time; each is an entry of the log with evaluations. */
const MAX_CONCURRENT = 16;

/**
 * Which nodes are alive. Each has a deadline that a heartbeat moves; one timer looks at the deadlines that fall due, in buckets, so that a
 * heartbeat costs one map write however many nodes there are. A node whose deadline passes is marked down and its jobs are evaluated.
 */
export class Heartbeats implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #deadlines = new Map<string, number>();
  readonly #buckets = new Map<number, string[]>();
  /** The bucket in which a node is looked at; what other buckets still say of it is outdated. */
  readonly #bucketOf = new Map<string, number>();
  readonly #expired: string[] = [];
  readonly #failoverTTLMs: number;
  #nextBucket = 0;
  #timer: Timer | undefined;
  #marking = 0;

  constructor(context: LeaderContext, options: { readonly failoverTTLMs?: number } = {}) {
    this.#context = context;
    this.#failoverTTLMs = options.failoverTTLMs ?? FAILOVER_TTL_MS;
  }

  /** Nodes that are watched. */
  get size(): number {
    return this.#deadlines.size;
  }

  start(): void {
    const nowMs = this.#context.clock.monotonicMs();
    this.#nextBucket = bucketOf(nowMs);
    for (const node of this.#context.state.scan("nodes")) {
      if (node.Status !== NodeStatus.down) this.#setDeadline(node.ID, nowMs + this.#failoverTTLMs);
    }
    this.#timer = this.#context.clock.every(BUCKET_MS, () => this.#tick(), true);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#deadlines.clear();
    this.#buckets.clear();
    this.#bucketOf.clear();
    this.#expired.length = 0;
  }

  /**
   * A node has shown that it lives. Returns the milliseconds within which it is to do so again: they grow with the number of nodes, so
   * that all together beat no more often than the configuration allows, and vary, so that they do not beat at the same time.
   */
  beat(nodeID: string): number {
    const { config, clock, random } = this.#context;
    const spreadMs = (this.#deadlines.size / config.maxHeartbeatsPerSecond) * 1000;
    const baseMs = Math.max(config.minHeartbeatTTLMs, spreadMs);
    const ttlMs = Math.round(baseMs * (1 + random.next()));
    this.#setDeadline(nodeID, clock.monotonicMs() + ttlMs + config.heartbeatGraceMs);
    return ttlMs;
  }

  /** Nodes that are new or come back are watched from then on, those that are down or gone no longer. */
  observe(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.table !== "nodes") continue;
      const { key, after } = change;
      if (!after || after.Status === NodeStatus.down) this.#deadlines.delete(key);
      else if (!this.#deadlines.has(key)) this.beat(key);
    }
  }

  /** A node has one place in the buckets; it moves when its bucket comes up, not at every beat. */
  #setDeadline(nodeID: string, atMs: number): void {
    const known = this.#deadlines.has(nodeID);
    this.#deadlines.set(nodeID, atMs);
    if (!known) this.#enter(nodeID, Math.max(bucketOf(atMs), this.#nextBucket));
  }

  #enter(nodeID: string, bucket: number): void {
    this.#bucketOf.set(nodeID, bucket);
    const nodes = this.#buckets.get(bucket);
    if (nodes) nodes.push(nodeID);
    else this.#buckets.set(bucket, [nodeID]);
  }

  #tick(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (; this.#nextBucket < bucketOf(nowMs); this.#nextBucket++) {
      const nodes = this.#buckets.get(this.#nextBucket) ?? [];
      this.#buckets.delete(this.#nextBucket);
      for (const nodeID of nodes) {
        const deadlineMs = this.#deadlines.get(nodeID);
        if (deadlineMs === undefined || this.#bucketOf.get(nodeID) !== this.#nextBucket) continue;
        if (deadlineMs > nowMs) this.#enter(nodeID, Math.max(bucketOf(deadlineMs), this.#nextBucket + 1));
        else this.#expire(nodeID);
      }
    }
    this.#markDown();
  }

  #expire(nodeID: string): void {
    this.#deadlines.delete(nodeID);
    this.#expired.push(nodeID);
  }

  #markDown(): void {
    while (this.#expired.length > 0 && this.#marking < MAX_CONCURRENT) {
      const nodeID = this.#expired.shift() as string;
      const node = this.#context.state.get("nodes", nodeID);
      // One that beat again, or is down already, is left alone.
      if (!node || node.Status === NodeStatus.down || this.#deadlines.has(nodeID)) continue;
      this.#marking++;
      void this.#mark(node).finally(() => {
        this.#marking--;
        this.#markDown();
      });
    }
  }

  async #mark(node: Node): Promise<void> {
    const { state, clock, random, logger, metrics, propose } = this.#context;
    const nowMs = clock.nowMs();
    logger.warn("node missed its heartbeat", { nodeID: node.ID, name: node.Name });
    metrics.increment("nomad.heartbeat.invalidate");
    const evaluations = createEvaluationsForNode(state, node, EvalTrigger.nodeUpdate, nowMs, random);
    try {
      await propose("nodeStatusUpdate", {
        nodeID: node.ID,
        status: NodeStatus.down,
        nowMs,
        message: "Node heartbeat missed",
        evaluations,
      });
    } catch (error) {
      logger.warn("node could not be marked down", { nodeID: node.ID, error: String(error) });
      // Tried again after another round, if this server still leads then.
      if (this.#timer && !this.#deadlines.has(node.ID)) this.beat(node.ID);
    }
  }
}

function bucketOf(atMs: number): number {
  return Math.floor(atMs / BUCKET_MS);
}
