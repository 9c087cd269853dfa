import { formatTimestamp } from "@steppe/state";
import {
  decode,
  EvalTrigger,
  type DrainStrategy,
  type Evaluation,
  type Node,
  NodeDrainRequestSchema,
  NodeEligibility,
  NodeEligibilityRequestSchema,
  nodeListStub,
  ZERO_TIME,
} from "@steppe/structs";

import type { ServerContext } from "../context.js";
import type { Handlers } from "../http/handler.js";
import { listSource } from "../http/list-source.js";
import type { Query } from "../http/query.js";
import { httpErrors } from "../http/errors.js";
import { createEvaluationsForNode } from "../leader/node-evaluations.js";
import { writeMeta, written } from "./answers.js";
import { errors } from "./errors.js";
import { checkIDPrefix, wholeID } from "./ids.js";

/** A node as clients see it: whoever has its secret could speak for it. */
const withoutSecret = (node: Node): Node => (node.SecretID === "" ? node : { ...node, SecretID: "" });

const LISTS = new Map(
  [true, false].flatMap((resources) =>
    [true, false].map((os) => {
      const variant = `${resources},${os}`;
      const stub = (node: Node) => nodeListStub(node, { resources, os });
      return [variant, listSource({ table: "nodes", order: "id", stub, variant })];
    }),
  ),
);

/** Nodes: listing, reading, draining and forgetting them. */
export const nodeHandlers: Pick<
  Handlers,
  "listNodes" | "getNode" | "listNodeAllocations" | "setNodeEligibility" | "drainNode" | "evaluateNode" | "purgeNode"
> = {
  listNodes: (_view, { query }) => {
    checkIDPrefix("node", query.get("prefix"));
    const key = `${fieldFlag(query, "resources")},${fieldFlag(query, "os")}`;
    return LISTS.get(key) as NonNullable<ReturnType<typeof LISTS.get>>;
  },

  getNode: (view, { params }) => {
    const id = wholeID("node", params.id);
    const row = view.get("nodes", id);
    if (!row) return { missing: "node not found", index: view.rowIndex("nodes", id) };
    return { row, render: withoutSecret, index: row.ModifyIndex };
  },

  listNodeAllocations: (view, request) => {
    const id = wholeID("node", request.params.id);
    const rows = view
      .byIndex("allocations", "byNode", id)
      .filter((alloc) => request.identity.allows("read-job", alloc.Namespace));
    return { rows, index: view.valueIndex("allocations", "byNode", id) };
  },

  setNodeEligibility: async (context, { params, body }) => {
    const { Eligibility: eligibility } = decode(NodeEligibilityRequestSchema, body ?? {});
    if (eligibility !== NodeEligibility.eligible && eligibility !== NodeEligibility.ineligible) {
      throw errors.invalidEligibility({ eligibility });
    }
    const node = existingNode(context, params.id);
    if (node.DrainStrategy && eligibility === NodeEligibility.eligible) throw errors.eligibleWhileDraining();
    if (node.SchedulingEligibility === eligibility) return nodeAnswer(node.ModifyIndex, 0, []);
    const evaluations = eligibility === NodeEligibility.eligible ? evaluationsOf(context, node) : [];
    const { index } = await context.propose("nodeEligibility", {
      nodeID: node.ID,
      eligibility,
      nowMs: context.clock.nowMs(),
      evaluations,
    });
    return nodeAnswer(index, 0, evaluations);
  },

  drainNode: async (context, { params, body }) => {
    const { DrainSpec: spec, MarkEligible: markEligible, Meta: meta } = decode(NodeDrainRequestSchema, body ?? {});
    const node = existingNode(context, params.id);
    const nowMs = context.clock.nowMs();
    const drainStrategy = spec ? drainStrategyOf(spec, node, nowMs) : null;
    const becomesEligible = !drainStrategy && markEligible && node.SchedulingEligibility === NodeEligibility.ineligible;
    const evaluations = becomesEligible ? evaluationsOf(context, node) : [];
    const { index } = await context.propose("nodeDrain", {
      nodeID: node.ID,
      drainStrategy,
      markEligible,
      nowMs,
      meta,
      evaluations,
    });
    return nodeAnswer(index, index, evaluations);
  },

  evaluateNode: async (context, { params }) => {
    const node = existingNode(context, params.id);
    const evaluations = evaluationsOf(context, node);
    const index =
      evaluations.length === 0
        ? context.state.tableIndex("evaluations")
        : (await context.propose("evalUpsert", { evaluations })).index;
    return { data: updateAnswer(context, index, evaluations, node.SchedulingEligibility), index };
  },

  purgeNode: async (context, { params }) => {
    const node = existingNode(context, params.id);
    const evaluations = evaluationsOf(context, node);
    const { index } = await context.propose("nodeDelete", { nodeIDs: [node.ID], evaluations });
    return { data: { ...updateAnswer(context, index, evaluations, ""), NodeModifyIndex: index }, index };
  },
};

/** A flag among the fields that a list may add. @throws 400 with the list's own text */
function fieldFlag(query: Query, name: string): boolean {
  try {
    return query.bool(name) ?? false;
  } catch (cause) {
    const reason = httpErrors.invalidBool({ name, value: query.get(name) ?? "" }).message;
    throw errors.nodeFields({ reason }, cause);
  }
}

function existingNode({ state }: ServerContext, id: string): Node {
  const node = state.get("nodes", wholeID("node", id));
  if (!node) throw errors.nodeNotFound();
  return node;
}

const evaluationsOf = ({ state, clock, random }: ServerContext, node: Node): Evaluation[] =>
  createEvaluationsForNode(state, node, EvalTrigger.nodeUpdate, clock.nowMs(), random);

/** The drain that an operator asks for; one that is under way keeps its start. */
function drainStrategyOf(
  spec: { Deadline: number; IgnoreSystemJobs: boolean },
  node: Node,
  nowMs: number,
): DrainStrategy {
  return {
    Deadline: spec.Deadline,
    IgnoreSystemJobs: spec.IgnoreSystemJobs,
    ForceDeadline: spec.Deadline > 0 ? formatTimestamp(nowMs + spec.Deadline / 1e6) : ZERO_TIME,
    StartedAt: node.DrainStrategy?.StartedAt ?? formatTimestamp(nowMs),
  };
}

function nodeAnswer(index: number, nodeModifyIndex: number, evaluations: readonly Evaluation[]) {
  return written(index, {
    NodeModifyIndex: nodeModifyIndex,
    EvalIDs: evaluations.length > 0 ? evaluations.map((evaluation) => evaluation.ID) : null,
    EvalCreateIndex: evaluations.length > 0 ? index : 0,
  });
}

/** What Nomad's servers tell a node after a change. */
function updateAnswer(
  { raft, config, state, members }: ServerContext,
  index: number,
  evaluations: readonly Evaluation[],
  eligibility: string,
): Record<string, unknown> {
  const servers = members.members().filter((member) => member.region === config.region && member.status === "alive");
  return {
    HeartbeatTTL: 0,
    EvalIDs: evaluations.length > 0 ? evaluations.map((evaluation) => evaluation.ID) : null,
    EvalCreateIndex: evaluations.length > 0 ? index : 0,
    NodeModifyIndex: 0,
    Features: 0,
    LeaderRPCAddr: raft.leader()?.address ?? "",
    NumNodes: state.count("nodes"),
    Servers: servers.map((member) => ({
      RPCAdvertiseAddr: member.rpcAddress,
      RPCMajorVersion: 0,
      RPCMinorVersion: 0,
      Datacenter: member.datacenter,
    })),
    SchedulingEligibility: eligibility,
    SignedIdentity: null,
    ...writeMeta(index),
  };
}
