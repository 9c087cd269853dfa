import { merge } from "./merge.js";
import { canonicalNetwork } from "./canonicalize-network.js";
import { canonicalService } from "./canonicalize-service.js";
import { DEFAULT_CPU_MHZ, DEFAULT_MEMORY_MB, IDENTITY_AUDIENCE, IDENTITY_NAME } from "./defaults.js";
import type { WorkloadIdentity } from "./identity.js";
import type { Job } from "./job.js";
import type { Input } from "./schema.js";
import type { TaskGroup } from "./task-group.js";
import type { Task } from "./task.js";

const DEFAULT_IDENTITY: Readonly<WorkloadIdentity> = Object.freeze({
  Name: IDENTITY_NAME,
  Audience: null,
  ChangeMode: "",
  ChangeSignal: "",
  Env: false,
  File: false,
  Filepath: "",
  ServiceName: "",
  TTL: 0,
  ExtraClaims: null,
});

/** Completes a task in place; `input` is what was sent for it. */
export function canonicalTask(input: Input<Task>, task: Task, parent: { job: Job; group: TaskGroup }): void {
  if (task.Config && Object.keys(task.Config).length === 0) task.Config = null;
  canonicalResources(input, task);
  task.RestartPolicy = merge(parent.group.RestartPolicy, input.RestartPolicy);
  task.RestartPolicy.Mode ||= parent.group.RestartPolicy.Mode;
  task.KillTimeout = input.KillTimeout ?? 5e9;
  canonicalLogs(input, task);
  task.Identity = { ...(task.Identity ?? DEFAULT_IDENTITY) };
  task.Identity.Name ||= IDENTITY_NAME;
  task.Identity.Audience ??= [IDENTITY_AUDIENCE];
  for (const identity of task.Identities ?? []) canonicalIdentity(identity);
  task.Services?.forEach((service, i) => canonicalService(input.Services?.[i] ?? {}, service, { ...parent, task }));
  for (const template of task.Templates ?? []) template.ChangeSignal = template.ChangeSignal.toUpperCase();
  if (task.Vault) task.Vault.ChangeSignal = (task.Vault.ChangeSignal || "SIGHUP").toUpperCase();
  if (task.CSIPluginConfig) task.CSIPluginConfig.HealthTimeout ||= 30e9;
  for (const artifact of task.Artifacts ?? []) {
    artifact.RelativeDest ||= artifact.GetterMode === "file" ? `local/${fileName(artifact.GetterSource)}` : "local/";
  }
}

function canonicalResources(input: Input<Task>, task: Task): void {
  const resources = task.Resources;
  const asked = input.Resources ?? {};
  if (asked.CPU === null || asked.CPU === undefined) resources.CPU = asked.Cores ? 0 : DEFAULT_CPU_MHZ;
  if (asked.MemoryMB === null || asked.MemoryMB === undefined) resources.MemoryMB = DEFAULT_MEMORY_MB;
  resources.Networks?.forEach(canonicalNetwork);
}

function canonicalLogs(input: Input<Task>, task: Task): void {
  const enabled = input.LogConfig?.Enabled;
  if (enabled === false) task.LogConfig.Disabled = true;
  delete task.LogConfig.Enabled;
}

function canonicalIdentity(identity: WorkloadIdentity): void {
  identity.ChangeSignal = identity.ChangeSignal.toUpperCase();
}

/** The last part of a URL's path. */
function fileName(source: string): string {
  return (source.split("?")[0] ?? "").split("/").pop() ?? "";
}
