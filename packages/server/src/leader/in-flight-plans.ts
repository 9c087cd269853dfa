import type { InFlight } from "@steppe/scheduler";
import type { PlanPayload } from "@steppe/state";
import type { Allocation } from "@steppe/structs";

const NOTHING: InFlight = { placed: [], stopped: new Set() };

interface NodePlans {
  readonly placed: Map<string, Allocation>;
  readonly stopped: Set<string>;
}

/** What accepted plans do to nodes while they are on their way through the log. */
export class InFlightPlans {
  readonly #byNode = new Map<string, NodePlans>();

  on(nodeID: string): InFlight {
    const plans = this.#byNode.get(nodeID);
    return plans ? { placed: [...plans.placed.values()], stopped: plans.stopped } : NOTHING;
  }

  place(alloc: Allocation): void {
    this.#of(alloc.NodeID).placed.set(alloc.ID, alloc);
  }

  stop(nodeID: string, allocID: string): void {
    this.#of(nodeID).stopped.add(allocID);
  }

  /** The plan was applied, or never will be. */
  remove(
    plan: Pick<PlanPayload, "allocsPlaced">,
    stopped: readonly { readonly nodeID: string; readonly allocID: string }[],
  ): void {
    for (const { ID, NodeID } of plan.allocsPlaced) {
      this.#byNode.get(NodeID)?.placed.delete(ID);
      this.#forgetIfEmpty(NodeID);
    }
    for (const { nodeID, allocID } of stopped) {
      this.#byNode.get(nodeID)?.stopped.delete(allocID);
      this.#forgetIfEmpty(nodeID);
    }
  }

  clear(): void {
    this.#byNode.clear();
  }

  #of(nodeID: string): NodePlans {
    let plans = this.#byNode.get(nodeID);
    if (!plans) this.#byNode.set(nodeID, (plans = { placed: new Map(), stopped: new Set() }));
    return plans;
  }

  #forgetIfEmpty(nodeID: string): void {
    const plans = this.#byNode.get(nodeID);
    if (plans && plans.placed.size === 0 && plans.stopped.size === 0) this.#byNode.delete(nodeID);
  }
}
