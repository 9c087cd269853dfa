import { allocListStub } from "@steppe/structs";

import type { Handlers } from "../http/handler.js";
import { listSource } from "../http/list-source.js";
import { requireNamespace } from "./access.js";
import { stubOptions } from "./allocations.js";
import { checkIDPrefix, wholeID } from "./ids.js";

const LIST = listSource({ table: "deployments", order: "created", stub: (row) => row });

/** Deployments: listing and reading them. */
export const deploymentHandlers: Pick<Handlers, "listDeployments" | "getDeployment" | "listDeploymentAllocations"> = {
  listDeployments: (_view, { query }) => {
    checkIDPrefix("deployment", query.get("prefix"));
    return LIST;
  },

  getDeployment: (view, request) => {
    const id = wholeID("deployment", request.params.id);
    const row = view.get("deployments", id);
    if (!row) return { missing: "deployment not found", index: view.rowIndex("deployments", id) };
    requireNamespace(request, row.Namespace);
    return { row, index: row.ModifyIndex };
  },

  listDeploymentAllocations: (view, request) => {
    const id = wholeID("deployment", request.params.id);
    const options = stubOptions(request.query);
    const allocs = view.byIndex("allocations", "byDeployment", id);
    for (const alloc of allocs) requireNamespace(request, alloc.Namespace);
    return {
      data: allocs.map((alloc) => allocListStub(alloc, options)),
      index: view.valueIndex("allocations", "byDeployment", id),
    };
  },
};
