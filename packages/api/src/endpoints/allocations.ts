import { defineEndpoints, list } from "../endpoint.js";

export const allocationEndpoints = defineEndpoints({
  listAllocations: {
    method: "GET",
    path: "/v1/allocations",
    kind: "read",
    blocking: true,
    capability: "read-job",
    list: list(),
    summary: "Lists allocations. `resources=true` adds these, `task_states=false` leaves these out.",
  },
  getAllocation: {
    method: "GET",
    path: "/v1/allocation/:id",
    kind: "read",
    blocking: true,
    capability: "read-job",
    summary: "Reads an allocation.",
  },
  stopAllocation: {
    method: "PUT",
    path: "/v1/allocation/:id/stop",
    kind: "write",
    capability: "alloc-lifecycle",
    body: "optional",
    summary: "Stops an allocation, which is then placed anew.",
  },
});
