import {
  AUTOPILOT_KEY,
  changedAutopilotConfig,
  type ClusterOperations,
  DEFAULT_AUTOPILOT_CONFIG,
  type Membership,
  type RaftDriver,
  raftErrors,
  RegionForwarder,
  type ServerContext,
  ServerReconciler,
} from "@steppe/server";

import type { Configuration } from "./configuration/index.js";
import type { AgentParts } from "./parts.js";

interface OperationsOptions {
  readonly parts: Pick<AgentParts, "configuration" | "clock" | "random" | "logger" | "directory">;
  readonly raft: RaftDriver;
  readonly membership: Membership;
  readonly reconciler: ServerReconciler;
}

/** What operators may do to the cluster: Raft's part, what the reconciler sees, and the way to the leader for long bodies. */
export function makeOperations(options: OperationsOptions): ClusterOperations & { close(): void } {
  const { parts, raft, membership, reconciler } = options;
  const forwarder = new RegionForwarder({
    region: parts.configuration.region,
    regionServers: () => {
      const leader = raft.leader()?.id;
      return membership
        .members()
        .filter((member) => member.id === leader)
        .map((member) => ({ address: member.httpAddress }));
    },
    random: parts.random,
    marks: false,
  });
  return {
    removePeer: (id) => raft.removePeer(id),
    transferLeadership: (id) => raft.transferLeadership(id),
    serverHealth: () => {
      if (!raft.isLeader()) throw raftErrors.noLeader();
      return reconciler.servers();
    },
    forwardToLeader: (request) => forwarder.forward(request, parts.configuration.region),
    archiveDirectory: parts.directory.subdirectory("archives"),
    close: () => forwarder.close(),
  };
}

/** The reconciler of a server whose context is made later. */
export function makeReconciler(
  { configuration, clock, logger }: Pick<AgentParts, "configuration" | "clock" | "logger">,
  raft: RaftDriver,
  membership: Membership,
  context: () => ServerContext,
): ServerReconciler {
  const { region } = configuration;
  return new ServerReconciler({
    ...{ raft, membership, region, clock, logger },
    state: { get: (table, key) => context().state.get(table, key) },
    initialize: () =>
      context().propose("metaSet", { key: AUTOPILOT_KEY, value: initialAutopilot(configuration), onlyIfMissing: true }),
  });
}

/** What the configuration file says of the autopilot, where the cluster has no configuration yet. */
function initialAutopilot({ file }: Configuration): unknown {
  // The file's names are the API's with other spelling: cleanup_dead_servers, CleanupDeadServers.
  const given = Object.entries(file.autopilot ?? {}).map(([key, value]) => [key.replaceAll("_", ""), value]);
  return changedAutopilotConfig(DEFAULT_AUTOPILOT_CONFIG, Object.fromEntries(given));
}
