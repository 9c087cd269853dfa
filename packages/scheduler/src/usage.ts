import type { ReadView } from "@steppe/state";
import type { Allocation, Node } from "@steppe/structs";
import { terminalStatus } from "@steppe/structs";
import { allocationHolding, type Holding, NodeUsage } from "./resources.js";

/**
 * The usage of the nodes that an evaluation looks at: read once per node, then kept up to date with what the plan stops
 * and places. The cost of a placement therefore depends neither on the number of nodes nor of allocations.
 */
export class UsageMap {
  readonly #view: ReadView;
  readonly #byNode = new Map<string, NodeUsage>();
  readonly #stopped = new Set<string>();

  constructor(view: ReadView) {
    this.#view = view;
  }

  of(node: Node): NodeUsage {
    let usage = this.#byNode.get(node.ID);
    if (!usage) {
      usage = new NodeUsage(node);
      for (const alloc of this.#view.byIndex("allocations", "byNode", node.ID)) {
        if (!terminalStatus(alloc) && !this.#stopped.has(alloc.ID)) usage.add(allocationHolding(alloc));
      }
      this.#byNode.set(node.ID, usage);
    }
    return usage;
  }

  /** Takes an allocation of the view out of account. False where it held nothing any more. */
  stop(alloc: Allocation): boolean {
    if (terminalStatus(alloc) || this.#stopped.has(alloc.ID)) return false;
    this.#stopped.add(alloc.ID);
    this.#byNode.get(alloc.NodeID)?.remove(allocationHolding(alloc));
    return true;
  }

  /** Takes a stopped allocation back into account. */
  restore(alloc: Allocation): void {
    if (this.#stopped.delete(alloc.ID)) this.#byNode.get(alloc.NodeID)?.add(allocationHolding(alloc));
  }

  place(node: Node, holding: Holding): void {
    this.of(node).add(holding);
  }
}
