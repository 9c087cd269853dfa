import type { ReadView } from "@steppe/state";
import type { Node } from "@steppe/structs";
import { resolveTarget } from "./constraints.js";

/**
 * Where the allocations of the job under evaluation are, as the plan would leave them: the basis of distinct hosts, distinct
 * properties, spread and job anti-affinity. Counted up and down, never rescanned.
 */
export class JobPlacements {
  readonly #view: ReadView;
  readonly #byNode = new Map<string, Map<string, number>>();
  readonly #counters: PropertyCounter[] = [];

  constructor(view: ReadView) {
    this.#view = view;
  }

  add(group: string, nodeID: string): void {
    this.#change(group, nodeID, 1);
  }

  remove(group: string, nodeID: string): void {
    this.#change(group, nodeID, -1);
  }

  /** How many allocations of the job, or of one of its groups, are on a node. */
  onNode(nodeID: string, group?: string): number {
    const groups = this.#byNode.get(nodeID);
    if (!groups) return 0;
    if (group !== undefined) return groups.get(group) ?? 0;
    let sum = 0;
    for (const count of groups.values()) sum += count;
    return sum;
  }

  /** A counter of the values that a node property has among the placements of the job, or of one group. */
  countProperty(attribute: string, group?: string): PropertyCounter {
    const counter = new PropertyCounter(attribute, group);
    for (const [nodeID, groups] of this.#byNode) {
      const node = this.#view.get("nodes", nodeID);
      if (node) for (const [name, count] of groups) counter.change(name, node, count);
    }
    this.#counters.push(counter);
    return counter;
  }

  #change(group: string, nodeID: string, by: number): void {
    let groups = this.#byNode.get(nodeID);
    if (!groups) this.#byNode.set(nodeID, (groups = new Map<string, number>()));
    groups.set(group, (groups.get(group) ?? 0) + by);
    if (this.#counters.length === 0) return;
    const node = this.#view.get("nodes", nodeID);
    if (node) for (const counter of this.#counters) counter.change(group, node, by);
  }
}

/** Allocations per value of one node property. Nodes without the property are not counted. */
export class PropertyCounter {
  readonly counts = new Map<string, number>();

  constructor(
    readonly attribute: string,
    readonly group: string | undefined,
  ) {}

  change(group: string, node: Node, by: number): void {
    if (this.group !== undefined && this.group !== group) return;
    const value = resolveTarget(this.attribute, node);
    if (value !== undefined) this.counts.set(value, (this.counts.get(value) ?? 0) + by);
  }

  /** How many allocations share a node's value; undefined where the node has none. */
  on(node: Node): number | undefined {
    const value = resolveTarget(this.attribute, node);
    return value === undefined ? undefined : (this.counts.get(value) ?? 0);
  }
}
