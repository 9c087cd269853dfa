import type { Job } from "./job.js";

/** What changes of a job without anyone changing its specification. */
const NOT_SPEC: ReadonlySet<string> = new Set([
  "Status",
  "StatusDescription",
  "Stable",
  "Version",
  "SubmitTime",
  "CreateIndex",
  "ModifyIndex",
  "JobModifyIndex",
  "NomadTokenID",
  "VersionTag",
]);

/** Both canonical jobs ask for the same. Indexes of scaling policies count, as in Nomad. */
export function jobSpecEqual(a: Job, b: Job): boolean {
  for (const key in a) {
    if (NOT_SPEC.has(key)) continue;
    if (!deepEqual(a[key as keyof Job], b[key as keyof Job])) return false;
  }
  return true;
}

/** Same JSON values, whatever the order of keys; a missing key equals undefined. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => deepEqual(item, b[i]));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  let keys = 0;
  for (const key in left) {
    if (!deepEqual(left[key], right[key])) return false;
    if (left[key] !== undefined) keys++;
  }
  for (const key in right) if (right[key] !== undefined) keys--;
  return keys === 0;
}
