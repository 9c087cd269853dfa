import { errors } from "../errors.js";
import { allocJobKey, type Job, jobKey, versionKey } from "../rows.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";

/** How many superseded versions of a job are kept; versions with a tag are kept besides. */
const SUPERSEDED_VERSIONS = 6;

/** Keeps a version that a new one takes the place of, and drops the oldest when there are too many. */
export function supersedeVersion(txn: Txn, job: Job): void {
  txn.put("jobVersions", job);
  const untagged = txn
    .list("jobVersions", { prefix: `${jobKey(job.Namespace, job.ID)}\0` })
    .filter((version) => !version.VersionTag);
  for (const version of untagged.slice(0, Math.max(0, untagged.length - SUPERSEDED_VERSIONS)))
    deleteVersion(txn, version);
}

function deleteVersion(txn: Txn, version: Job): void {
  keepForAllocations(txn, version);
  const key = versionKey(version.Namespace, version.ID, version.Version);
  txn.delete("jobVersions", key);
  txn.delete("jobSubmissions", key);
}

/** Deletes all superseded versions, and sees to it that allocations keep the job that they refer to. */
export function deleteVersions(txn: Txn, job: Job): void {
  keepForAllocations(txn, job);
  for (const version of txn.list("jobVersions", { prefix: `${jobKey(job.Namespace, job.ID)}\0` }))
    deleteVersion(txn, version);
}

function keepForAllocations(txn: Txn, version: Job): void {
  const allocs = txn.byIndex("allocations", "byJob", jobKey(version.Namespace, version.ID));
  const referred = allocs.some(
    ({ Job: job }) => job.Version === version.Version && job.CreateIndex === version.CreateIndex,
  );
  if (referred && !txn.get("allocJobs", allocJobKey(version))) txn.put("allocJobs", version);
}

/** Writes a changed row of any version of a job. Superseded ones are not stamped by their table. */
function putVersion(txn: Txn, version: Job, change: Partial<Job>): void {
  if (txn.get("jobs", jobKey(version.Namespace, version.ID)) === version) txn.put("jobs", { ...version, ...change });
  else txn.put("jobVersions", { ...version, ...change, ModifyIndex: txn.index });
}

function version(txn: Txn, namespace: string, jobID: string, number: number): Job | undefined {
  const current = txn.get("jobs", jobKey(namespace, jobID));
  return current?.Version === number ? current : txn.get("jobVersions", versionKey(namespace, jobID, number));
}

/** Marks a version as known to be good or not. Only its ModifyIndex moves. False if there is no such version. */
export function setStability(
  txn: Txn,
  namespace: string,
  jobID: string,
  versionNumber: number,
  stable: boolean,
): boolean {
  const row = version(txn, namespace, jobID, versionNumber);
  if (row && row.Stable !== stable) putVersion(txn, row, { Stable: stable });
  return row !== undefined;
}

export interface JobStabilityPayload {
  namespace: string;
  jobID: string;
  version: number;
  stable: boolean;
}

export const jobStability = command<JobStabilityPayload, { index: number }>({
  id: 14,
  apply: (txn, { namespace, jobID, version: number, stable }) => {
    if (!setStability(txn, namespace, jobID, number, stable))
      throw errors.jobVersionNotFound({ namespace, jobID, version: number });
    return { index: txn.index };
  },
});

export interface JobVersionTagPayload {
  namespace: string;
  jobID: string;
  /** The tag's name. */
  name: string;
  /** Which version to tag; null takes the tag away. */
  tag: { version: number; description: string; taggedTimeNs: number } | null;
}

/** Names a version, which is then kept, or takes the name away. */
export const jobVersionTag = command<JobVersionTagPayload, { index: number }>({
  id: 26,
  apply: (txn, { namespace, jobID, name, tag }) => {
    const current = txn.get("jobs", jobKey(namespace, jobID));
    if (!current) throw errors.jobNotFound();
    const versions = [...txn.list("jobVersions", { prefix: `${jobKey(namespace, jobID)}\0` }), current];
    const tagged = versions.find((row) => row.VersionTag?.Name === name);
    if (!tag) {
      if (!tagged) throw errors.versionTagNotFound({ name, jobID });
      putVersion(txn, tagged, { VersionTag: null });
      return { index: txn.index };
    }
    const target = versions.find((row) => row.Version === tag.version);
    if (!target) throw errors.jobVersionNotFound({ namespace, jobID, version: tag.version });
    if (tagged && tagged !== target) throw errors.versionTagTaken({ name, jobID });
    putVersion(txn, target, { VersionTag: { Name: name, Description: tag.description, TaggedTime: tag.taggedTimeNs } });
    return { index: txn.index };
  },
});
