import type { Job, Task, TaskGroup } from "@steppe/structs";

/**
 * Whether allocations of the old version can go on as they are under the new one (false), or must be replaced (true): the tasks,
 * what they run with, their resources, networks, volumes and disk decide. Services, counts, priorities, policies and
 * constraints can change in place.
 */
export function needsReplacement(oldJob: Job, newJob: Job, groupName: string): boolean {
  if (oldJob === newJob) return false;
  const before = oldJob.TaskGroups.find(({ Name }) => Name === groupName);
  const after = newJob.TaskGroups.find(({ Name }) => Name === groupName);
  if (!before || !after || before.Tasks.length !== after.Tasks.length) return true;
  if (!jsonEqual(groupEssence(before), groupEssence(after))) return true;
  return after.Tasks.some((task) => {
    const old = before.Tasks.find(({ Name }) => Name === task.Name);
    return !old || !jsonEqual(taskEssence(oldJob, before, old), taskEssence(newJob, after, task));
  });
}

function groupEssence(group: TaskGroup): unknown {
  return [group.EphemeralDisk, group.Networks, group.Volumes, group.Consul, connectParts(group)];
}

/** A service mesh changes the tasks around a service; the rest of a service is the client's to update. */
function connectParts(group: TaskGroup): unknown {
  return (group.Services ?? [])
    .filter(({ Connect }) => Connect)
    .map(({ Name, PortLabel, Connect }) => [Name, PortLabel, Connect]);
}

function taskEssence(job: Job, group: TaskGroup, task: Task): unknown {
  const { CPU, Cores, MemoryMB, MemoryMaxMB, Networks, Devices, NUMA } = task.Resources;
  return [
    task.Driver,
    task.User,
    task.Config,
    task.Env,
    task.Artifacts,
    task.Vault,
    task.Secrets,
    task.Consul,
    task.Templates,
    task.CSIPluginConfig,
    task.VolumeMounts,
    task.Identity,
    task.Identities,
    task.Lifecycle,
    task.LogConfig,
    task.DispatchPayload,
    task.KillSignal,
    task.Leader,
    { ...job.Meta, ...group.Meta, ...task.Meta },
    [CPU, Cores, MemoryMB, MemoryMaxMB, Networks, Devices, NUMA],
  ];
}

/** Equality of JSON values; a missing key, null, an empty list and an empty map are the same nothing. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => jsonEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => jsonEqual(left[key], right[key]));
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
