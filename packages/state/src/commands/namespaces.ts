import { JobStatus } from "@steppe/structs";
import { errors } from "../errors.js";
import type { Namespace, NodePool } from "../rows.js";
import { command } from "./command.js";

export const namespaceUpsert = command<{ namespaces: Namespace[] }, { index: number }>({
  id: 22,
  apply: (txn, { namespaces }) => {
    for (const namespace of namespaces) txn.put("namespaces", namespace);
    return { index: txn.index };
  },
});

/** Refuses while a namespace has jobs that are not dead. `region` is for the error's text. */
export const namespaceDelete = command<{ names: string[]; region?: string }, { index: number }>({
  id: 23,
  apply: (txn, { names, region = "global" }) => {
    for (const name of names) {
      if (!txn.get("namespaces", name)) throw errors.namespaceNotFound();
      const busy = txn.list("jobs", { prefix: `${name}\0` }).some((job) => job.Status !== JobStatus.dead);
      if (busy) throw errors.namespaceInUse({ name, region });
    }
    for (const name of names) txn.delete("namespaces", name);
    return { index: txn.index };
  },
});

export const nodePoolUpsert = command<{ pools: NodePool[] }, { index: number }>({
  id: 24,
  apply: (txn, { pools }) => {
    for (const pool of pools) txn.put("nodePools", pool);
    return { index: txn.index };
  },
});

/** Refuses while a pool has nodes, or jobs that are not dead. */
export const nodePoolDelete = command<{ names: string[] }, { index: number }>({
  id: 25,
  apply: (txn, { names }) => {
    for (const name of names) {
      const hasNodes = txn.byIndex("nodes", "byPool", name).length > 0;
      if (hasNodes || txn.list("jobs").some((job) => job.NodePool === name && job.Status !== JobStatus.dead)) {
        throw errors.nodePoolInUse({ name });
      }
    }
    for (const name of names) txn.delete("nodePools", name);
    return { index: txn.index };
  },
});
