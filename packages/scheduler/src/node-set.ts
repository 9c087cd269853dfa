import type { Random } from "@steppe/shared";
import type { ReadView } from "@steppe/state";
import { type Job, type Node, NODE_POOL_ALL, NODE_POOL_DEFAULT, nodeReady } from "@steppe/structs";
import { matchesGlob } from "./patterns.js";

const NODES_PER_SLICE = 256;

/** The nodes that may take a job's allocations as far as its pool and datacenters say, in a shuffled order. */
export interface NodeSet {
  readonly nodes: readonly Node[];
  /** The positions 0..n-1, to be copied: a copy costs a few microseconds where filling costs a hundred. */
  readonly order: Int32Array;
  /** Position in `nodes` by node ID. */
  readonly positions: ReadonlyMap<string, number>;
  /** Ready nodes per datacenter (`NodesAvailable`). */
  readonly availableByDatacenter: Readonly<Record<string, number>>;
  /** All nodes of the pool, ready or not (`NodesInPool`). */
  readonly nodesInPool: number;
}

/** Node sets are shared by all evaluations between two changes of the nodes table; a set per job would be a scan per job. */
export class NodeSetCache {
  #nodesIndex = -1;
  readonly #sets = new Map<string, NodeSet>();

  /** Yields while it looks through the nodes, which is only after they have changed. */
  *load(view: ReadView, job: Job, random: Random): Generator<void, NodeSet> {
    const index = view.tableIndex("nodes");
    if (index !== this.#nodesIndex) {
      this.#sets.clear();
      this.#nodesIndex = index;
    }
    const datacenters = job.Datacenters ?? [];
    const key = `${job.NodePool}\0${datacenters.join("\0")}`;
    let set = this.#sets.get(key);
    if (!set) {
      set = yield* buildNodeSet(view, job.NodePool || NODE_POOL_DEFAULT, datacenters, random);
      // Another evaluation may have gone on to newer nodes while this one yielded.
      if (index === this.#nodesIndex) this.#sets.set(key, set);
    }
    return set;
  }
}

/** Whether a node is in one of a job's datacenters (which may hold `*`) and in its pool. */
export function nodeInReach(node: Node, job: Job): boolean {
  return inPool(node, job.NodePool || NODE_POOL_DEFAULT) && inDatacenters(node, job.Datacenters ?? []);
}

function inPool(node: Node, pool: string): boolean {
  return pool === NODE_POOL_ALL || (node.NodePool || NODE_POOL_DEFAULT) === pool;
}

function inDatacenters(node: Node, datacenters: readonly string[]): boolean {
  return datacenters.some((pattern) => matchesGlob(node.Datacenter, pattern));
}

function* buildNodeSet(
  view: ReadView,
  pool: string,
  datacenters: readonly string[],
  random: Random,
): Generator<void, NodeSet> {
  const nodes: Node[] = [];
  const availableByDatacenter: Record<string, number> = {};
  let nodesInPool = 0;
  let seen = 0;
  for (const node of view.scan("nodes")) {
    if (++seen % NODES_PER_SLICE === 0) yield;
    if (!inPool(node, pool)) continue;
    nodesInPool++;
    if (!inDatacenters(node, datacenters)) continue;
    availableByDatacenter[node.Datacenter] ??= 0;
    if (!nodeReady(node)) continue;
    availableByDatacenter[node.Datacenter] = (availableByDatacenter[node.Datacenter] ?? 0) + 1;
    nodes.push(node);
  }
  yield;
  shuffle(nodes, random);
  return {
    nodes,
    order: Int32Array.from(nodes.keys()),
    positions: new Map(nodes.map((node, position) => [node.ID, position])),
    availableByDatacenter,
    nodesInPool,
  };
}

function shuffle(nodes: Node[], random: Random): void {
  for (let i = nodes.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const node = nodes[i] as Node;
    nodes[i] = nodes[j] as Node;
    nodes[j] = node;
  }
}
