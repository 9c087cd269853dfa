import { defineEndpoints, list } from "../endpoint.js";

export const evaluationEndpoints = defineEndpoints({
  listEvaluations: {
    method: "GET",
    path: "/v1/evaluations",
    kind: "read",
    blocking: true,
    capability: "read-job",
    list: list(),
    summary: "Lists evaluations, all or those of a `job` or `status`.",
  },
  countEvaluations: {
    method: "GET",
    path: "/v1/evaluations/count",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Counts the evaluations that a filter matches.",
  },
  getEvaluation: {
    method: "GET",
    path: "/v1/evaluation/:id",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Reads an evaluation; `related=true` adds its kin.",
  },
  listEvaluationAllocations: {
    method: "GET",
    path: "/v1/evaluation/:id/allocations",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Lists the allocations that an evaluation made or changed.",
  },
});
