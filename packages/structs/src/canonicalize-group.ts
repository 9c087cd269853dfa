import { must } from "@steppe/shared";
import { canonicalNetwork } from "./canonicalize-network.js";
import { canonicalService } from "./canonicalize-service.js";
import { canonicalTask } from "./canonicalize-task.js";
import type { Constraint } from "./constraint.js";
import { DEFAULT_RESTART, DEFAULT_UPDATE } from "./defaults.js";
import type { Job } from "./job.js";
import { merge, mergeUpdate } from "./merge.js";
import type { MigrateStrategy, ReschedulePolicy, UpdateStrategy } from "./policies.js";
import type { Input } from "./schema.js";
import type { TaskGroup } from "./task-group.js";

/** What canonicalization needs besides the job. Without `uuid`, new scaling policies keep an empty ID. */
export interface CanonicalizeContext {
  /** When the job was submitted, in nanoseconds; 0 keeps the input's `SubmitTime`. */
  nowNs?: number;
  region?: string;
  namespace?: string;
  /** The job that is registered under the same ID: scaling policies keep their IDs. */
  existing?: Job | undefined;
  uuid?: () => string;
}

/** What a group's canonicalization takes from its job. */
export interface JobDefaults {
  job: Job;
  update: UpdateStrategy | null;
  migrate: MigrateStrategy | null;
  reschedule: ReschedulePolicy | null;
  context: CanonicalizeContext;
}

const NOMAD_SERVICES: Readonly<Constraint> = Object.freeze({
  LTarget: "${attr.nomad.service_discovery}",
  RTarget: "true",
  Operand: "=",
});
const CONSUL_SERVICES: Readonly<Constraint> = Object.freeze({
  LTarget: "${attr.consul.version}",
  RTarget: ">= 1.8.0",
  Operand: "semver",
});
const VAULT: Readonly<Constraint> = Object.freeze({
  LTarget: "${attr.vault.version}",
  RTarget: ">= 0.6.1",
  Operand: "semver",
});

/** Completes a group in place; `input` is what was sent for it. */
export function canonicalGroup(input: Input<TaskGroup>, group: TaskGroup, defaults: JobDefaults): void {
  const { job } = defaults;
  if (input.Count === null || input.Count === undefined) group.Count = input.Scaling?.Min ?? 1;
  canonicalPolicies(input, group, defaults);
  canonicalScaling(input, group, defaults);
  if (group.Disconnect) group.Disconnect.Replace ??= true;
  group.PreventRescheduleOnLost = input.PreventRescheduleOnLost ?? false;
  for (const [name, volume] of Object.entries(group.Volumes ?? {})) volume.Name ||= name;
  group.Networks?.forEach(canonicalNetwork);
  group.Services?.forEach((service, i) => canonicalService(input.Services?.[i] ?? {}, service, { job, group }));
  for (let i = 0; i < group.Tasks.length; i++) {
    const task = group.Tasks[i];
    if (task) canonicalTask(input.Tasks?.[i] ?? {}, task, { job, group });
  }
  addImplicitConstraints(group);
}

function canonicalPolicies(input: Input<TaskGroup>, group: TaskGroup, defaults: JobDefaults): void {
  const { job } = defaults;
  const base = must(DEFAULT_RESTART[job.Type] ?? DEFAULT_RESTART["service"], "service jobs have a restart policy");
  group.RestartPolicy = merge(base, input.RestartPolicy);
  group.RestartPolicy.Mode ||= base.Mode;
  group.Update = defaults.update || input.Update ? mergeUpdate(defaults.update ?? DEFAULT_UPDATE, input.Update) : null;
  group.Migrate = defaults.migrate ? merge(defaults.migrate, input.Migrate) : group.Migrate;
  // System and sysbatch jobs have no default: what was sent stays, for validation to refuse.
  if (defaults.reschedule) group.ReschedulePolicy = merge(defaults.reschedule, input.ReschedulePolicy);
}

function canonicalScaling(input: Input<TaskGroup>, group: TaskGroup, { job, context }: JobDefaults): void {
  const policy = group.Scaling;
  if (!policy) return;
  if (input.Scaling?.Min === null || input.Scaling?.Min === undefined) policy.Min = group.Count;
  policy.Target = { Namespace: job.Namespace, Job: job.ID, Group: group.Name };
  const before = context.existing?.TaskGroups.find((other) => other.Name === group.Name)?.Scaling;
  policy.ID = before?.ID || policy.ID || (context.uuid?.() ?? "");
}

/** What the group's services and secrets need of a node, as constraints that the job did not have to write. */
function addImplicitConstraints(group: TaskGroup): void {
  const services = [...(group.Services ?? []), ...group.Tasks.flatMap((task) => task.Services ?? [])];
  const needed: Readonly<Constraint>[] = [];
  if (group.Tasks.some((task) => task.Vault)) needed.push(VAULT);
  if (services.some((service) => service.Provider === "nomad")) needed.push(NOMAD_SERVICES);
  if (services.some((service) => service.Provider === "consul")) needed.push(CONSUL_SERVICES);
  for (const constraint of needed) {
    const present = (group.Constraints ?? []).some(
      (other) =>
        other.LTarget === constraint.LTarget &&
        other.RTarget === constraint.RTarget &&
        other.Operand === constraint.Operand,
    );
    if (!present) group.Constraints = [...(group.Constraints ?? []), { ...constraint }];
  }
}
