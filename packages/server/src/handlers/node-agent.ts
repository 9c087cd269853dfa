import {
  AllocClientStatus,
  AllocDesiredStatus,
  type Allocation,
  AllocUpdateRequestSchema,
  clientTerminal,
  decode,
  type Evaluation,
  EvalTrigger,
  type Node,
  type NodeContactResponse,
  NodeHeartbeatRequestSchema,
  NodeRegisterRequestSchema,
  NodeStatus,
  serverTerminal,
} from "@steppe/structs";
import { jobKey } from "@steppe/state";

import type { ServerContext } from "../context.js";
import type { Handlers, WriteResult } from "../http/handler.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { createEvaluationsForNode } from "../leader/node-evaluations.js";
import { NODE_SECRET_HEADER, provenNode, sameSecret } from "./access.js";
import { written } from "./answers.js";
import { errors } from "./errors.js";
import { wholeID } from "./ids.js";
import { jobEvaluation, nowNs } from "./new-evaluation.js";

/** What an agent may say of its own node. `disconnected` and the like are for servers to find. */
const REPORTED: readonly string[] = [NodeStatus.initializing, NodeStatus.ready, NodeStatus.down];

/** What node agents call, authorized by their node's secret. */
export const nodeAgentHandlers: Pick<
  Handlers,
  "registerNode" | "heartbeatNode" | "listNodeAssignments" | "updateNodeAllocations"
> = {
  registerNode: async (context, request) => {
    const node = checkedNode(request);
    const before = context.state.get("nodes", node.ID);
    if (before && !sameSecret(before.SecretID, node.SecretID)) throw errors.permissionDenied();
    // A repeated registration that changes nothing (an agent that was restarted) still starts the deadline anew.
    const evaluations = changesPlacement(before, node) ? evaluationsOf(context, node) : [];
    const { index } = await context.propose("nodeRegister", { node, nowMs: context.clock.nowMs(), evaluations });
    return contact(context, node.ID, index);
  },

  heartbeatNode: async (context, request) => {
    const node = provenNode(context.state, request);
    const { Status: status } = decode(NodeHeartbeatRequestSchema, request.body ?? {});
    if (!REPORTED.includes(status)) throw errors.invalidNodeStatus();
    // The usual case writes nothing: a heartbeat costs one timer.
    if (status === node.Status) return contact(context, node.ID, node.ModifyIndex);
    const back = node.Status === NodeStatus.down || node.Status === NodeStatus.disconnected;
    const { index } = await context.propose("nodeStatusUpdate", {
      nodeID: node.ID,
      status,
      nowMs: context.clock.nowMs(),
      ...(back ? { message: "Node reregistered by heartbeat" } : {}),
      evaluations: status === NodeStatus.initializing ? [] : evaluationsOf(context, { ...node, Status: status }),
    });
    return contact(context, node.ID, index);
  },

  listNodeAssignments: (view, request) => {
    const node = provenNode(view, request);
    const all = view.byIndex("allocations", "byNode", node.ID);
    // The agent's own reports move ModifyIndex only: they must not wake the agent.
    const index = all.reduce((highest, alloc) => Math.max(highest, alloc.AllocModifyIndex), 1);
    // What the agent has seen already it gets as a stub: a placement on a full node costs what the placement costs.
    const seenIndex = request.query.integer("index") ?? 0;
    const data = all
      .filter((alloc) => !(serverTerminal(alloc) && clientTerminal(alloc)))
      .map((alloc) => (alloc.AllocModifyIndex > seenIndex ? alloc : assignmentStub(alloc)));
    return { data, index };
  },

  updateNodeAllocations: async (context, request) => {
    const node = provenNode(context.state, request);
    const { Allocs } = decode(AllocUpdateRequestSchema, request.body ?? {});
    const pairs = (Allocs ?? []).flatMap((update) => {
      const alloc = context.state.get("allocations", update.ID);
      // An agent speaks for the allocations of its own node only.
      return alloc?.NodeID === node.ID ? [{ update, alloc }] : [];
    });
    if (pairs.length === 0) return written(context.state.index, {});
    const failed = pairs.filter(({ update, alloc }) => needsReplacing(alloc, update.ClientStatus));
    const { index } = await context.propose("allocClientUpdate", {
      allocs: pairs.map(({ update }) => update),
      evaluations: failureEvaluations(
        context,
        failed.map(({ alloc }) => alloc),
      ),
      nowNs: nowNs(context.clock),
    });
    return written(index, {});
  },
};

const assignmentStub = ({ ID, AllocModifyIndex, DesiredStatus }: Allocation) => ({
  ID,
  AllocModifyIndex,
  DesiredStatus,
});

/** The node of a registration. @throws 4xx */
function checkedNode(request: ParsedRequest<"id">): Node {
  const { Node: node } = decode(NodeRegisterRequestSchema, request.body ?? {});
  if (!node) throw errors.nodeMissing();
  const given = node;
  if (!given.ID) throw errors.nodeFieldMissing({ field: "node ID" });
  if (!given.Datacenter) throw errors.nodeFieldMissing({ field: "datacenter" });
  if (!given.Name) throw errors.nodeFieldMissing({ field: "node name" });
  if (wholeID("node", given.ID) !== request.params.id) throw errors.nodeIDMismatch();
  given.SecretID ||= request.header(NODE_SECRET_HEADER) ?? "";
  if (!given.SecretID) throw errors.nodeFieldMissing({ field: "node secret ID" });
  if (!sameSecret(given.SecretID, request.header(NODE_SECRET_HEADER))) throw errors.permissionDenied();
  given.Status ||= NodeStatus.initializing;
  if (!REPORTED.includes(given.Status)) throw errors.invalidNodeStatus();
  return given;
}

/** Jobs may be placed differently than before. */
function changesPlacement(before: Node | undefined, after: Node): boolean {
  if (!before) return after.Status === NodeStatus.ready;
  return before.Status !== after.Status || before.ComputedClass !== after.ComputedClass;
}

const evaluationsOf = ({ state, clock, random }: ServerContext, node: Node): Evaluation[] =>
  createEvaluationsForNode(state, node, EvalTrigger.nodeUpdate, clock.nowMs(), random);

/** Starts the node's deadline anew, and tells the agent when to be heard again and where the servers are. */
function contact(context: ServerContext, nodeID: string, index: number): WriteResult {
  const { members, config, duties } = context;
  const data: NodeContactResponse = {
    HeartbeatTTL: duties.heartbeat(nodeID) * 1e6,
    Servers: members
      .members()
      .filter((member) => member.region === config.region && member.status === "alive")
      .map((member) => member.httpAddress),
    Index: index,
  };
  return { data, index };
}

/** The allocation has just failed, and the scheduler may want to replace it. */
function needsReplacing(alloc: Allocation, status: string): boolean {
  if (status !== AllocClientStatus.failed || alloc.ClientStatus === AllocClientStatus.failed) return false;
  if (alloc.DesiredStatus !== AllocDesiredStatus.run || alloc.FollowupEvalID) return false;
  const group = alloc.Job.TaskGroups.find((other) => other.Name === alloc.TaskGroup);
  return group?.ReschedulePolicy !== null;
}

/** One evaluation for each job whose allocations failed. */
function failureEvaluations(context: ServerContext, allocs: readonly Allocation[]): Evaluation[] {
  const byJob = new Map<string, Evaluation>();
  for (const alloc of allocs) {
    const key = jobKey(alloc.Namespace, alloc.JobID);
    const job = context.state.get("jobs", key);
    if (!job || job.Stop || byJob.has(key)) continue;
    byJob.set(key, jobEvaluation(context, job, EvalTrigger.retryFailedAlloc, { JobModifyIndex: job.ModifyIndex }));
  }
  return [...byJob.values()];
}
