import type { Static } from "@sinclair/typebox";
import { int, map, str, struct, uint } from "./schema.js";

/** How many allocations of a group are in each state. */
export const TaskGroupSummarySchema = struct("TaskGroupSummary", {
  Queued: int(),
  Complete: int(),
  Failed: int(),
  Running: int(),
  Starting: int(),
  Lost: int(),
  Unknown: int(),
});
export interface TaskGroupSummary extends Static<typeof TaskGroupSummarySchema> {}

export const JobChildrenSummarySchema = struct("JobChildrenSummary", { Pending: int(), Running: int(), Dead: int() });
export interface JobChildrenSummary extends Static<typeof JobChildrenSummarySchema> {}

export const JobSummarySchema = struct("JobSummary", {
  JobID: str(),
  Namespace: str(),
  Summary: map(TaskGroupSummarySchema),
  Children: JobChildrenSummarySchema,
  CreateIndex: uint(),
  ModifyIndex: uint(),
});
export interface JobSummary extends Omit<Static<typeof JobSummarySchema>, "Summary"> {
  Summary: Record<string, TaskGroupSummary>;
}
