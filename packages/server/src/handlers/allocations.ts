import { type Allocation, allocListStub, EvalTrigger } from "@steppe/structs";

import type { Handlers } from "../http/handler.js";
import { listSource } from "../http/list-source.js";
import type { Query } from "../http/query.js";
import { requireNamespace } from "./access.js";
import { errors } from "./errors.js";
import { checkIDPrefix, wholeID } from "./ids.js";
import { jobEvaluation } from "./new-evaluation.js";

/** What `resources` and `task_states` ask for. */
export function stubOptions(query: Query): { resources: boolean; taskStates: boolean } {
  return { resources: query.bool("resources") ?? false, taskStates: query.bool("task_states") ?? true };
}

const LISTS = new Map(
  [true, false].flatMap((resources) =>
    [true, false].map((taskStates) => {
      const variant = `${resources},${taskStates}`;
      const stub = (alloc: Allocation) => allocListStub(alloc, { resources, taskStates });
      return [variant, listSource({ table: "allocations", order: "created", stub, variant })];
    }),
  ),
);

/** Allocations: listing, reading and stopping them. */
export const allocationHandlers: Pick<Handlers, "listAllocations" | "getAllocation" | "stopAllocation"> = {
  listAllocations: (_view, { query }) => {
    checkIDPrefix("alloc", query.get("prefix"));
    const { resources, taskStates } = stubOptions(query);
    return LISTS.get(`${resources},${taskStates}`) as NonNullable<ReturnType<typeof LISTS.get>>;
  },

  getAllocation: (view, request) => {
    const id = wholeID("alloc", request.params.id);
    const row = view.get("allocations", id);
    if (!row) return { missing: "alloc not found", index: view.rowIndex("allocations", id) };
    requireNamespace(request, row.Namespace);
    return { row, index: row.ModifyIndex };
  },

  stopAllocation: async (context, request) => {
    const id = wholeID("alloc", request.params.id);
    const alloc = context.state.get("allocations", id);
    if (!alloc) throw errors.allocationNotFound();
    requireNamespace(request, alloc.Namespace);
    const noDelay = request.query.bool("no_shutdown_delay");
    const evaluation = jobEvaluation(context, alloc.Job, EvalTrigger.allocStop, {
      JobModifyIndex: alloc.Job.ModifyIndex,
    });
    const { index } = await context.propose("allocDesiredTransition", {
      allocs: { [id]: { Migrate: true, ...(noDelay ? { NoShutdownDelay: true } : {}) } },
      evaluations: [evaluation],
    });
    return { data: { EvalID: evaluation.ID, Index: index }, index };
  },
};
