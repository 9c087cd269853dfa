import type { Handlers } from "../http/handler.js";

/** The cluster: who leads, who votes, which regions there are, and housekeeping. */
export const clusterHandlers: Pick<Handlers, "getLeader" | "listPeers" | "listRegions" | "collectGarbage"> = {
  getLeader: ({ raft }) => ({ data: raft.leader()?.address ?? "" }),

  listPeers: ({ raft }) => ({
    data: raft
      .configuration()
      .filter((peer) => peer.voter)
      .map((peer) => peer.address),
  }),

  listRegions: ({ members, config }) => ({
    data: [...new Set([config.region, ...members.members().map((member) => member.region)])].sort(),
  }),

  collectGarbage: async ({ duties }) => {
    await duties.collectGarbage();
    return {};
  },
};
