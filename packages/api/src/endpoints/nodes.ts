import { defineEndpoints, list } from "../endpoint.js";

export const nodeEndpoints = defineEndpoints({
  listNodes: {
    method: "GET",
    path: "/v1/nodes",
    kind: "read",
    blocking: true,
    capability: "node:read",
    list: list({ namespaceWildcard: false }),
    summary: "Lists nodes. `resources=true` and `os=true` add these.",
  },
  getNode: {
    method: "GET",
    path: "/v1/node/:id",
    kind: "read",
    blocking: true,
    capability: "node:read",
    summary: "Reads a node.",
  },
  listNodeAllocations: {
    method: "GET",
    path: "/v1/node/:id/allocations",
    kind: "read",
    blocking: true,
    capability: "node:read",
    summary: "Lists a node's allocations, in full.",
  },
  setNodeEligibility: {
    method: "PUT",
    path: "/v1/node/:id/eligibility",
    kind: "write",
    capability: "node:write",
    body: "required",
    summary: "Lets new allocations be placed on a node, or not.",
  },
  drainNode: {
    method: "PUT",
    path: "/v1/node/:id/drain",
    kind: "write",
    capability: "node:write",
    body: "required",
    summary: "Starts or stops the drain of a node.",
  },
  evaluateNode: {
    method: "PUT",
    path: "/v1/node/:id/evaluate",
    kind: "write",
    capability: "node:write",
    body: "optional",
    summary: "Makes new evaluations of the jobs on a node.",
  },
  purgeNode: {
    method: "PUT",
    path: "/v1/node/:id/purge",
    kind: "write",
    capability: "node:write",
    body: "optional",
    summary: "Forgets a node.",
  },
});

/**
 * What a node agent calls. They are authorized by the node's secret (header `X-Steppe-Node-Secret`), not by an ACL token:
 * the handler compares it, because only it knows the node.
 */
export const nodeAgentEndpoints = defineEndpoints({
  registerNode: {
    method: "PUT",
    path: "/v1/node/:id/register",
    kind: "write",
    capability: "none",
    body: "required",
    summary: "A node agent registers its node.",
  },
  heartbeatNode: {
    method: "PUT",
    path: "/v1/node/:id/heartbeat",
    kind: "write",
    capability: "none",
    body: "required",
    summary: "A node agent says that its node lives, and how it is.",
  },
  listNodeAssignments: {
    method: "GET",
    path: "/v1/node/:id/assignments",
    kind: "read",
    blocking: true,
    capability: "none",
    summary: "The allocations that a node agent must run or stop, in full.",
  },
  updateNodeAllocations: {
    method: "PUT",
    path: "/v1/node/:id/allocations",
    kind: "write",
    capability: "none",
    body: "required",
    summary: "A node agent reports how its allocations fare.",
  },
});
