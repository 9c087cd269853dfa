import type { Handlers } from "../http/handler.js";

/** The cluster: who leads, who votes, which regions there are, and housekeeping. */
export const clusterHandlers: Pick<
  Handlers,
  "getLeader" | "listPeers" | "getStateHash" | "listRegions" | "collectGarbage" | "reconcileSummaries"
> = {
  getLeader: ({ raft }) => ({ data: raft.leader()?.address ?? "" }),

  listPeers: ({ raft }) => ({
    data: raft
      .configuration()
      .filter((peer) => peer.voter)
      .map((peer) => peer.address),
  }),

  getStateHash: ({ state }) => ({ data: { Index: state.appliedIndex, Hash: state.hash() } }),

  listRegions: ({ members, config }) => ({
    data: [...new Set([config.region, ...members.members().map((member) => member.region)])].sort(),
  }),

  collectGarbage: async ({ duties }) => {
    await duties.collectGarbage();
    return {};
  },

  reconcileSummaries: async (context) => {
    await context.propose("reconcileSummaries", {});
    return {};
  },
};
