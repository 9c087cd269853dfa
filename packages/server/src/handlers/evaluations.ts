import { compileFilter, filterRowSchemas } from "@steppe/api";
import { jobKey, type ReadView } from "@steppe/state";
import { allocListStub, type Evaluation, type EvaluationStub, evaluationStub } from "@steppe/structs";

import type { Handlers } from "../http/handler.js";
import { listSource } from "../http/list-source.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { requireNamespace } from "./access.js";
import { stubOptions } from "./allocations.js";
import { readMeta } from "./answers.js";
import { errors } from "./errors.js";
import { checkIDPrefix, wholeID } from "./ids.js";

/** How many kin an answer names at most. */
const RELATED_MAX = 500;

/** Evaluations: listing, counting and reading them. */
export const evaluationHandlers: Pick<
  Handlers,
  "listEvaluations" | "countEvaluations" | "getEvaluation" | "listEvaluationAllocations"
> = {
  listEvaluations: (_view, { query }) => {
    const job = query.get("job") ?? "";
    const status = query.get("status") ?? "";
    if (query.get("filter") && (job || status)) throw errors.filterAlone();
    checkIDPrefix("eval", query.get("prefix"));
    const where = (row: Evaluation) => (!job || row.JobID === job) && (!status || row.Status === status);
    return listSource({
      table: "evaluations",
      order: "created",
      stub: (row) => row,
      ...(job || status ? { where } : {}),
      variant: JSON.stringify([job, status]),
    });
  },

  countEvaluations: (view, request) => {
    const index = view.tableIndex("evaluations");
    return { data: { Count: count(view, request), ...readMeta(index) }, index };
  },

  getEvaluation: (view, request) => {
    const id = wholeID("eval", request.params.id);
    const row = view.get("evaluations", id);
    if (!row) return { missing: "eval not found", index: view.rowIndex("evaluations", id) };
    requireNamespace(request, row.Namespace);
    if (!request.query.bool("related")) return { row, index: row.ModifyIndex };
    const kin = related(view, row);
    const data = kin.length === 0 ? row : withRelated(row, kin);
    // A list of kin may grow while the row stays as it is.
    const index = Math.max(row.ModifyIndex, ...kin.map((other) => other.ModifyIndex));
    return { data, index };
  },

  listEvaluationAllocations: (view, request) => {
    const id = wholeID("eval", request.params.id);
    const options = stubOptions(request.query);
    const allocs = view.byIndex("allocations", "byEval", id);
    for (const alloc of allocs) requireNamespace(request, alloc.Namespace);
    return {
      data: allocs.map((alloc) => allocListStub(alloc, options)),
      index: view.valueIndex("allocations", "byEval", id),
    };
  },
};

function count(view: ReadView, { query, namespace, identity, endpoint }: ParsedRequest): number {
  const text = query.get("filter");
  const filter = text ? compileFilter(text, filterRowSchemas["evaluations"]) : undefined;
  const everywhere = namespace === "*";
  const allowed = everywhere && identity.allowsEverywhere(endpoint.capability);
  if (allowed && !filter) return view.count("evaluations");
  let total = 0;
  for (const row of view.scan("evaluations")) {
    if (everywhere ? !allowed && !identity.allows(endpoint.capability, row.Namespace) : row.Namespace !== namespace) {
      continue;
    }
    if (!filter || filter.matches(row)) total++;
  }
  return total;
}

/** Evaluations that follow from this one, or that it follows from, directly and further on. */
function related(view: ReadView, start: Evaluation): EvaluationStub[] {
  const ofJob = view.byIndex("evaluations", "byJob", jobKey(start.Namespace, start.JobID));
  const byId = new Map(ofJob.map((row) => [row.ID, row]));
  const successors = new Map<string, string[]>();
  for (const row of ofJob) {
    if (row.PreviousEval) successors.set(row.PreviousEval, [...(successors.get(row.PreviousEval) ?? []), row.ID]);
  }
  const seen = new Set([start.ID]);
  const found: EvaluationStub[] = [];
  const queue: Evaluation[] = [start];
  for (let row = queue.shift(); row && found.length < RELATED_MAX; row = queue.shift()) {
    const links = [row.NextEval, row.PreviousEval, row.BlockedEval, ...(successors.get(row.ID) ?? [])];
    for (const id of links) {
      const next = id ? byId.get(id) : undefined;
      if (!next || seen.has(next.ID)) continue;
      seen.add(next.ID);
      found.push(evaluationStub(next));
      queue.push(next);
    }
  }
  return found;
}

/** The row with its kin where Nomad prints them: after BlockedEval. Order does not matter to JSON; the key must be there. */
const withRelated = (row: Evaluation, kin: EvaluationStub[]): Evaluation => ({ ...row, RelatedEvals: kin });
