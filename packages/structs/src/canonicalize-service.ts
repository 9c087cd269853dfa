import type { Job } from "./job.js";
import type { Input } from "./schema.js";
import type { Service } from "./service.js";
import type { TaskGroup } from "./task-group.js";
import type { Task } from "./task.js";

/** Completes a service of a group, or of a task, in place. */
export function canonicalService(
  input: Input<Service>,
  service: Service,
  parent: { job: Job; group: TaskGroup; task?: Task },
): void {
  const { job, group, task } = parent;
  service.Name = interpolateName(service.Name, parent);
  service.Namespace =
    service.Provider === "nomad" ? job.Namespace : group.Consul?.Namespace || job.ConsulNamespace || "default";
  if (task) service.TaskName = task.Name;
  for (const [i, check] of (service.Checks ?? []).entries()) {
    check.Name ||= `service: "${service.Name}" check`;
    check.OnUpdate ||= service.OnUpdate;
    const sent = input.Checks?.[i]?.CheckRestart;
    const shared = input.CheckRestart;
    if (sent || shared) {
      check.CheckRestart = {
        Limit: sent?.Limit || shared?.Limit || 0,
        Grace: sent?.Grace ?? shared?.Grace ?? 1e9,
        IgnoreWarnings: (sent?.IgnoreWarnings || shared?.IgnoreWarnings) ?? false,
      };
    }
  }
  delete service.CheckRestart;
  const proxy = service.Connect?.Gateway?.Proxy;
  if (proxy) proxy.ConnectTimeout ??= 5e9;
}

/** A service without a name is called after its job, group and task; names may contain those as `${JOB}` and so on. */
function interpolateName(name: string, { job, group, task }: { job: Job; group: TaskGroup; task?: Task }): string {
  const base = task ? `${job.Name}-${group.Name}-${task.Name}` : `${job.Name}-${group.Name}`;
  if (name === "") return base;
  if (!name.includes("$")) return name;
  const values: Record<string, string> = { JOB: job.Name, TASKGROUP: group.Name, TASK: task?.Name ?? "", BASE: base };
  return name.replace(/\$\{(JOB|TASKGROUP|TASK|BASE)\}/g, (_, key: string) => values[key] ?? "");
}
