import { defineEndpoints, list } from "../endpoint.js";

export const deploymentEndpoints = defineEndpoints({
  listDeployments: {
    method: "GET",
    path: "/v1/deployments",
    kind: "read",
    blocking: true,
    capability: "read-job",
    list: list(),
    summary: "Lists deployments.",
  },
  getDeployment: {
    method: "GET",
    path: "/v1/deployment/:id",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Reads a deployment.",
  },
  listDeploymentAllocations: {
    method: "GET",
    path: "/v1/deployment/allocations/:id",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Lists a deployment's allocations.",
  },
});
