import { DEFAULT_SCHEDULER_CONFIG, type NodePool } from "@steppe/structs";
import { SCHEDULER_CONFIG_KEY } from "./rows.js";
import type { Transaction } from "./transaction.js";

/** The index that the rows of an empty cluster carry. */
export const SEED_INDEX = 1;

const DAY_NS = 86_400e9;

const builtInPool = (name: string, description: string): NodePool => ({
  Name: name,
  Description: description,
  Meta: null,
  SchedulerConfiguration: null,
  NodeIdentityTTL: DAY_NS,
  Hash: null,
  CreateIndex: 0,
  ModifyIndex: 0,
});

/** Writes what every cluster has from the start. It is the same on all servers, so it needs no entry of its own. */
export function seed(txn: Transaction): void {
  txn.put("namespaces", {
    Name: "default",
    Description: "Default shared namespace",
    Quota: "",
    Capabilities: null,
    NodePoolConfiguration: null,
    VaultConfiguration: null,
    ConsulConfiguration: null,
    Meta: null,
    Hash: null,
    CreateIndex: 0,
    ModifyIndex: 0,
    RequiredExtraClaims: null,
    OptionalExtraClaims: null,
  });
  txn.put("nodePools", builtInPool("all", "Node pool with all nodes in the cluster."));
  txn.put("nodePools", builtInPool("default", "Default node pool."));
  if (!txn.get("schedulerConfig", SCHEDULER_CONFIG_KEY))
    txn.put("schedulerConfig", structuredCopy(DEFAULT_SCHEDULER_CONFIG));
}

const structuredCopy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
