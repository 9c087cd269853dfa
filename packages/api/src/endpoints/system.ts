import { defineEndpoints } from "../endpoint.js";

/** What concerns the cluster and the agent that is asked. */
export const systemEndpoints = defineEndpoints({
  getLeader: {
    method: "GET",
    path: "/v1/status/leader",
    kind: "local",
    capability: "none",
    summary: "The RPC address of the leader, as a JSON string.",
  },
  listPeers: {
    method: "GET",
    path: "/v1/status/peers",
    kind: "local",
    capability: "none",
    summary: "The RPC addresses of the servers that vote.",
  },
  getStateHash: {
    method: "GET",
    path: "/v1/status/state",
    kind: "local",
    capability: "none",
    summary:
      "Steppe's own: the applied index and the hash of the whole state at it. Equal on all servers at equal index.",
  },
  listRegions: {
    method: "GET",
    path: "/v1/regions",
    kind: "local",
    capability: "none",
    regional: false,
    summary: "The names of the regions that this server knows.",
  },
  getAgent: {
    method: "GET",
    path: "/v1/agent/self",
    kind: "local",
    capability: "agent:read",
    regional: false,
    summary: "The agent's configuration, member entry and statistics.",
  },
  listMembers: {
    method: "GET",
    path: "/v1/agent/members",
    kind: "local",
    capability: "node:read",
    regional: false,
    summary: "The servers that this one knows.",
  },
  getAgentHealth: {
    method: "GET",
    path: "/v1/agent/health",
    kind: "local",
    capability: "none",
    regional: false,
    summary: "Whether the agent's parts work; 500 when one does not.",
  },
  listAgentServers: {
    method: "GET",
    path: "/v1/agent/servers",
    kind: "local",
    capability: "agent:read",
    regional: false,
    summary: "The servers that a client agent talks to.",
  },
  collectGarbage: {
    method: "PUT",
    putOnly: true,
    path: "/v1/system/gc",
    kind: "write",
    capability: "management",
    body: "optional",
    summary: "Forgets what is over: dead jobs, their evaluations and allocations, nodes that are down.",
  },
  getMetrics: {
    method: "GET",
    path: "/v1/metrics",
    kind: "local",
    capability: "none",
    regional: false,
    summary: "The agent's metrics, as JSON or with `format=prometheus`.",
  },
});
