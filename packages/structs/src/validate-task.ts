import type { Job } from "./job.js";
import type { TaskGroup } from "./task-group.js";
import type { Task } from "./task.js";
import { validateConstraints } from "./validate-constraint.js";

const MIN_CPU_MHZ = 1;
const MIN_MEMORY_MB = 10;
const HOOKS: readonly string[] = ["prestart", "poststart", "poststop"];

/** What is wrong with one task of a canonical job. */
export function validateTask(job: Job, group: TaskGroup, task: Task): string[] {
  const errors: string[] = [];
  if (task.Name === "") errors.push("Missing task name");
  // The name is a directory, and a path of the file-system API.
  if (/[/\\]/.test(task.Name)) errors.push("Task name cannot include slashes");
  else if (task.Name.includes("\0")) errors.push("Task name cannot include null characters");
  if (task.Driver === "") errors.push("Missing task driver");
  if (task.KillTimeout < 0) errors.push("KillTimeout must be a positive value");
  if (task.ShutdownDelay < 0) errors.push("ShutdownDelay must be a positive value");
  validateResources(task, errors);
  validateLogs(group, task, errors);
  validateConstraints(task.Constraints, errors);
  if (task.Lifecycle && !HOOKS.includes(task.Lifecycle.Hook)) {
    errors.push(task.Lifecycle.Hook === "" ? "no lifecycle hook provided" : `invalid hook: ${task.Lifecycle.Hook}`);
  }
  for (const mount of task.VolumeMounts ?? []) {
    if (!group.Volumes?.[mount.Volume]) {
      errors.push(`Volume Mount (${mount.Volume}) references undefined volume ${mount.Volume}`);
    }
  }
  if (task.DispatchPayload && !job.ParameterizedJob) {
    errors.push("Dispatch payload can only be used with a parameterized job");
  }
  task.Templates?.forEach((template, i) => {
    const wrong = templateError(template);
    if (wrong) errors.push(`Template ${i + 1} validation failed: ${wrong}`);
  });
  task.Artifacts?.forEach((artifact, i) => {
    if (artifact.GetterSource === "") errors.push(`Artifact ${i + 1} validation failed: source must be specified`);
    else if (escapes(artifact.RelativeDest)) {
      errors.push(`Artifact ${i + 1} validation failed: destination escapes allocation directory`);
    }
  });
  return errors;
}

function validateResources({ Resources: resources }: Task, errors: string[]): void {
  if (resources.Cores > 0 && resources.CPU > 0)
    errors.push("Task can only ask for 'cpu' or 'cores' resource, not both.");
  if (resources.Cores === 0 && resources.CPU < MIN_CPU_MHZ) {
    errors.push(`minimum CPU value is ${MIN_CPU_MHZ}; got ${resources.CPU}`);
  }
  if (resources.Cores < 0) errors.push("minimum Cores value is 0");
  if (resources.MemoryMB < MIN_MEMORY_MB) {
    errors.push(`minimum MemoryMB value is ${MIN_MEMORY_MB}; got ${resources.MemoryMB}`);
  }
  const max = resources.MemoryMaxMB;
  if (max !== 0 && max !== -1 && max < resources.MemoryMB) {
    errors.push(`MemoryMaxMB value (${max}) should be larger than MemoryMB value (${resources.MemoryMB})`);
  }
}

function validateLogs(group: TaskGroup, { LogConfig: logs }: Task, errors: string[]): void {
  if (logs.MaxFiles < 1) errors.push(`minimum number of files is 1; got ${logs.MaxFiles}`);
  if (logs.MaxFileSizeMB < 1) errors.push(`minimum file size is 1MB; got ${logs.MaxFileSizeMB}`);
  const usageMB = logs.MaxFiles * logs.MaxFileSizeMB;
  if (!logs.Disabled && group.EphemeralDisk.SizeMB <= usageMB) {
    errors.push(
      `log storage (${usageMB} MB) must be less than requested disk capacity (${group.EphemeralDisk.SizeMB} MB)`,
    );
  }
}

function templateError(template: NonNullable<Task["Templates"]>[number]): string | undefined {
  if (template.SourcePath === "" && template.EmbeddedTmpl === "") {
    return "Must specify a source path or have an embedded template";
  }
  if (template.DestPath === "") return "Must specify a destination for the template";
  if (escapes(template.DestPath)) return "template destination escapes allocation directory";
  if (!["noop", "restart", "signal", "script"].includes(template.ChangeMode)) {
    return `unknown change mode "${template.ChangeMode}"`;
  }
  if (template.ChangeMode === "signal" && template.ChangeSignal === "") {
    return "Must specify signal value when change mode is signal";
  }
  if (template.Splay < 0) return "Must specify positive splay value";
  return undefined;
}

/** The relative path leaves the task's directory, two levels below the allocation's. */
function escapes(path: string): boolean {
  let depth = 2;
  for (const part of path.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}
