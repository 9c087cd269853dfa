import {
  type DrainMetadata,
  DrainStatus,
  type DrainStrategy,
  NodeEligibility,
  type NodeEvent,
  NodeStatus,
} from "@steppe/structs";
import { errors } from "../errors.js";
import type { Evaluation, Node } from "../rows.js";
import { formatTimestamp } from "../timestamp.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";
import { putEvaluations } from "./evaluations.js";

/** How many events a node keeps. */
const NODE_EVENTS = 10;

const DAY_NS = 86_400e9;

export interface NodeWriteResult {
  index: number;
  /** 0 if no evaluations were made. */
  evalCreateIndex: number;
}

const result = (txn: Txn, evaluations: readonly Evaluation[] | null | undefined): NodeWriteResult => ({
  index: txn.index,
  evalCreateIndex: evaluations && evaluations.length > 0 ? txn.index : 0,
});

function withEvent(node: Node, message: string, subsystem: string, nowMs: number, index: number): NodeEvent[] {
  // To the second, as Nomad's.
  const timestamp = formatTimestamp(Math.floor(nowMs / 1000) * 1000);
  const event: NodeEvent = {
    Message: message,
    Subsystem: subsystem,
    Details: null,
    Timestamp: timestamp,
    CreateIndex: index,
  };
  return [...node.Events, event].slice(-NODE_EVENTS);
}

function existingNode(txn: Txn, nodeID: string): Node {
  const node = txn.get("nodes", nodeID);
  if (!node) throw errors.nodeNotFound();
  return node;
}

export interface NodeRegisterPayload {
  node: Node;
  nowMs: number;
  evaluations: Evaluation[];
}

/** Adds a node, or takes its new attributes; what servers decided about it (eligibility, drain, events) stays. */
export const nodeRegister = command<NodeRegisterPayload, NodeWriteResult>({
  id: 3,
  apply: (txn, { node, nowMs, evaluations }) => {
    const existing = txn.get("nodes", node.ID);
    if (existing && existing.SecretID !== node.SecretID) throw errors.nodeSecretMismatch();
    node.Status ||= NodeStatus.initializing;
    if (existing) {
      node.SchedulingEligibility = existing.SchedulingEligibility;
      node.Drain = existing.Drain;
      node.DrainStrategy = existing.DrainStrategy;
      node.LastDrain = existing.LastDrain;
      node.LastMissedHeartbeatIndex = existing.LastMissedHeartbeatIndex;
      node.LastAllocUpdateIndex = existing.LastAllocUpdateIndex;
      node.Events =
        existing.Status === NodeStatus.down
          ? withEvent(existing, "Node re-registered", "Cluster", nowMs, txn.index)
          : existing.Events;
    } else {
      node.Events = withEvent({ ...node, Events: [] }, "Node registered", "Cluster", nowMs, 0);
    }
    node.StatusUpdatedAt = existing?.Status === node.Status ? existing.StatusUpdatedAt : Math.floor(nowMs / 1000);
    ensurePool(txn, node.NodePool);
    txn.put("nodes", node);
    putEvaluations(txn, evaluations);
    return result(txn, evaluations);
  },
});

/** A node that names a pool nobody has made yet makes it. */
function ensurePool(txn: Txn, name: string): void {
  if (name === "" || txn.get("nodePools", name)) return;
  txn.put("nodePools", {
    Name: name,
    Description: "",
    Meta: null,
    SchedulerConfiguration: null,
    NodeIdentityTTL: DAY_NS,
    Hash: null,
    CreateIndex: 0,
    ModifyIndex: 0,
  });
}

export interface NodeStatusUpdatePayload {
  nodeID: string;
  status: string;
  nowMs: number;
  /** The text of an event to add, such as "Node heartbeat missed". */
  message?: string;
  evaluations: Evaluation[];
}

export const nodeStatusUpdate = command<NodeStatusUpdatePayload, NodeWriteResult>({
  id: 4,
  apply: (txn, { nodeID, status, nowMs, message, evaluations }) => {
    const node = existingNode(txn, nodeID);
    const missed = status === NodeStatus.down || status === NodeStatus.disconnected;
    txn.put("nodes", {
      ...node,
      Status: status,
      StatusUpdatedAt: Math.floor(nowMs / 1000),
      Events: message ? withEvent(node, message, "Cluster", nowMs, txn.index) : node.Events,
      LastMissedHeartbeatIndex: missed ? txn.index : node.LastMissedHeartbeatIndex,
    });
    putEvaluations(txn, evaluations);
    return result(txn, evaluations);
  },
});

export interface NodeEligibilityPayload {
  nodeID: string;
  eligibility: string;
  nowMs: number;
  evaluations: Evaluation[];
}

export const nodeEligibility = command<NodeEligibilityPayload, NodeWriteResult>({
  id: 5,
  apply: (txn, { nodeID, eligibility, nowMs, evaluations }) => {
    const node = existingNode(txn, nodeID);
    txn.put("nodes", {
      ...node,
      SchedulingEligibility: eligibility,
      Events: withEvent(node, `Node marked as ${eligibility} for scheduling`, "Cluster", nowMs, txn.index),
    });
    putEvaluations(txn, evaluations);
    return result(txn, evaluations);
  },
});

export interface NodeDrainPayload {
  nodeID: string;
  /** Null ends the drain. */
  drainStrategy: DrainStrategy | null;
  /** Let the node take allocations again when the drain ends. */
  markEligible: boolean;
  nowMs: number;
  /** What the operator wants remembered with the drain. */
  meta?: Record<string, string> | null;
  /** The drain ends because everything has moved away, not because somebody cancels it. */
  complete?: boolean;
  accessorID?: string;
  evaluations?: Evaluation[];
}

export const nodeDrain = command<NodeDrainPayload, NodeWriteResult>({
  id: 6,
  apply: (txn, payload) => {
    const { nodeID, drainStrategy, markEligible, nowMs, complete = false, evaluations } = payload;
    const node = existingNode(txn, nodeID);
    const message = drainStrategy
      ? "Node drain strategy set"
      : complete
        ? "Node drain complete"
        : "Node drain disabled";
    txn.put("nodes", {
      ...node,
      Drain: drainStrategy !== null,
      DrainStrategy: drainStrategy,
      SchedulingEligibility: eligibilityAfter(node, drainStrategy, markEligible),
      LastDrain: lastDrain(node, payload),
      Events: drainStrategy || node.DrainStrategy ? withEvent(node, message, "Drain", nowMs, txn.index) : node.Events,
    });
    putEvaluations(txn, evaluations);
    return result(txn, evaluations);
  },
});

function eligibilityAfter(node: Node, drainStrategy: DrainStrategy | null, markEligible: boolean): string {
  if (drainStrategy) return NodeEligibility.ineligible;
  return markEligible ? NodeEligibility.eligible : node.SchedulingEligibility;
}

function lastDrain(node: Node, payload: NodeDrainPayload): DrainMetadata | null {
  const { drainStrategy, nowMs, meta, complete = false, accessorID = "" } = payload;
  if (!drainStrategy && !node.DrainStrategy) return node.LastDrain;
  const now = formatTimestamp(nowMs);
  const goesOn = node.DrainStrategy !== null && node.LastDrain !== null;
  return {
    StartedAt: goesOn ? (node.LastDrain?.StartedAt ?? now) : now,
    UpdatedAt: now,
    Status: drainStrategy ? DrainStatus.draining : complete ? DrainStatus.complete : DrainStatus.canceled,
    AccessorID: accessorID || (node.LastDrain?.AccessorID ?? ""),
    Meta: meta ?? (goesOn ? (node.LastDrain?.Meta ?? null) : null),
  };
}

export interface NodeDeletePayload {
  nodeIDs: string[];
  evaluations?: Evaluation[];
}

export const nodeDelete = command<NodeDeletePayload, NodeWriteResult & { count: number }>({
  id: 7,
  apply: (txn, { nodeIDs, evaluations }) => {
    let count = 0;
    for (const id of nodeIDs) if (txn.delete("nodes", id)) count++;
    putEvaluations(txn, evaluations);
    return { ...result(txn, evaluations), count };
  },
});
