import { formatDuration } from "@steppe/shared";
import { formatTimestamp, SCHEDULER_CONFIG_KEY } from "@steppe/state";
import { decodeInput, DEFAULT_SCHEDULER_CONFIG, type SchedulerConfig, SchedulerConfigSchema } from "@steppe/structs";

import type { RaftPeer, ServerContext, ServerHealth } from "../context.js";
import type { Handlers } from "../http/handler.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { AUTOPILOT_KEY, autopilotConfig, changedAutopilotConfig } from "../membership/autopilot-config.js";
import { failureTolerance } from "../membership/server-health.js";
import { readMeta, written } from "./answers.js";
import { errors } from "./errors.js";
import { restoreSnapshot, saveSnapshot } from "./snapshots.js";

/** The cluster itself: Raft's configuration, the scheduler's, the autopilot's, and snapshots. */
export const operatorHandlers: Pick<
  Handlers,
  | "getRaftConfiguration"
  | "removeRaftPeer"
  | "transferLeadership"
  | "getSchedulerConfiguration"
  | "setSchedulerConfiguration"
  | "getAutopilotConfiguration"
  | "setAutopilotConfiguration"
  | "getAutopilotHealth"
  | "saveSnapshot"
  | "restoreSnapshot"
> = {
  getRaftConfiguration: (view, _request, { raft, config }) => {
    const leader = raft.leader()?.id;
    const servers = raft.configuration().map((peer) => ({
      ID: peer.id,
      Node: memberName(peer.name, config.region),
      Address: peer.address,
      Leader: peer.id === leader,
      Voter: peer.voter,
      RaftProtocol: "3",
    }));
    return { data: { Servers: servers, Index: 0 }, index: view.index };
  },

  removeRaftPeer: async (context, request) => {
    const peer = namedPeer(context, request, errors.peerMissing());
    await context.operations.removePeer(peer.id);
    context.logger.warn(`raft: server ${peer.name} (${peer.id}) was removed by an operator`);
    return {};
  },

  transferLeadership: async (context, request) => {
    const to = namedPeer(context, request, errors.transferTargetMissing());
    const from = context.raft.leader();
    const noop = from?.id === to.id;
    if (!noop) {
      if (!to.voter) throw errors.transferToNonVoter({ id: to.id });
      await context.operations.transferLeadership(to.id);
    }
    const pair = (peer: RaftPeer | undefined) => ({ ID: peer?.id ?? "", Address: peer?.address ?? "" });
    return { data: { From: pair(from), To: pair(to), Noop: noop, Err: null, Index: 0 } };
  },

  getSchedulerConfiguration: (view) => {
    const config = view.get("schedulerConfig", SCHEDULER_CONFIG_KEY) ?? DEFAULT_SCHEDULER_CONFIG;
    const index = Math.max(1, config.ModifyIndex);
    return { data: { SchedulerConfig: config, ...readMeta(index) }, index };
  },

  setSchedulerConfiguration: async (context, { body, query }) => {
    const config = schedulerConfig(body);
    const checkIndex = query.integer("cas") ?? null;
    const { index, result } = await context.propose("schedulerConfigSet", { config, checkIndex });
    return written(index, { Updated: result.updated });
  },

  getAutopilotConfiguration: (view) => ({
    data: autopilotConfig(view),
    index: Math.max(1, autopilotConfig(view).ModifyIndex),
  }),

  setAutopilotConfiguration: async (context, { body, query }) => {
    const { CreateIndex: _created, ModifyIndex: modified, ...current } = autopilotConfig(context.state);
    const cas = query.integer("cas");
    let value;
    try {
      value = changedAutopilotConfig(current, body);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw errors.autopilotConfig({ reason: error.message }, error);
    }
    // What the body leaves out is taken from the row as it is, so the row must still be that one.
    const checkIndex = cas ?? modified;
    const { index, result } = await context.propose("metaSet", { key: AUTOPILOT_KEY, value, checkIndex });
    if (!result.updated && cas === undefined) throw errors.autopilotConflict();
    return { data: result.updated, index };
  },

  getAutopilotHealth: (context) => {
    const servers = context.operations.serverHealth();
    const healthy = servers.every((server) => server.healthy);
    const data = {
      FailureTolerance: failureTolerance(servers),
      Healthy: healthy,
      Leader: servers.find((server) => server.leader)?.id ?? "",
      Servers: servers.map((server) => healthAnswer(server, context.config.region)),
      Voters: servers.filter((server) => server.voter).map((server) => server.id),
    };
    return Promise.resolve({ data, status: healthy ? 200 : 429 });
  },

  saveSnapshot,
  restoreSnapshot,
};

/** The server that `?id=` or `?address=` names. @throws 400, 404 */
function namedPeer(context: ServerContext, { query }: ParsedRequest, missing: Error): RaftPeer {
  const [id, address] = [query.get("id") ?? "", query.get("address") ?? ""];
  if (id === "" && address === "") throw missing;
  if (id !== "" && address !== "") throw errors.peerNamedTwice();
  const peers = context.raft.configuration();
  const found = peers.find((peer) => (id === "" ? peer.address === address : peer.id === id.toLowerCase()));
  if (found === undefined)
    throw errors.peerNotFound(id === "" ? { by: "address", value: address } : { by: "id", value: id });
  return found;
}

/** `NAME.REGION`. Servers of the first configuration are stored with it, those added later without. */
function memberName(name: string, region: string): string {
  return name.endsWith(`.${region}`) ? name : `${name}.${region}`;
}

/** The configuration in a body; what is absent is off, or the default algorithm. @throws 400 */
function schedulerConfig(body: unknown): SchedulerConfig {
  const given = decodeInput(SchedulerConfigSchema, body) as Partial<SchedulerConfig>;
  const algorithm = given.SchedulerAlgorithm || DEFAULT_SCHEDULER_CONFIG.SchedulerAlgorithm;
  if (algorithm !== "binpack" && algorithm !== "spread") throw errors.schedulerAlgorithm({ algorithm });
  const preemption: Partial<SchedulerConfig["PreemptionConfig"]> = given.PreemptionConfig ?? {};
  return {
    SchedulerAlgorithm: algorithm,
    PreemptionConfig: {
      SystemSchedulerEnabled: preemption.SystemSchedulerEnabled ?? false,
      SysBatchSchedulerEnabled: preemption.SysBatchSchedulerEnabled ?? false,
      BatchSchedulerEnabled: preemption.BatchSchedulerEnabled ?? false,
      ServiceSchedulerEnabled: preemption.ServiceSchedulerEnabled ?? false,
    },
    MemoryOversubscriptionEnabled: given.MemoryOversubscriptionEnabled ?? false,
    RejectJobRegistration: given.RejectJobRegistration ?? false,
    PauseEvalBroker: given.PauseEvalBroker ?? false,
    NodeLimitForFeasibilityChecks: given.NodeLimitForFeasibilityChecks ?? 0,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

function healthAnswer(server: ServerHealth, region: string): Record<string, unknown> {
  const contactMs = server.lastContactMs;
  return {
    LastContact: contactMs === undefined ? "" : formatDuration(Math.round(contactMs) * 1e6),
    ID: server.id,
    Name: memberName(server.name, region),
    Address: server.address,
    SerfStatus: server.memberStatus,
    Version: server.version,
    Leader: server.leader,
    LastTerm: server.lastTerm,
    LastIndex: server.lastIndex,
    Healthy: server.healthy,
    Voter: server.voter,
    StableSince: formatTimestamp(Math.floor(server.stableSinceMs / 1000) * 1000),
  };
}
