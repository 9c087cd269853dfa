import { formatDuration } from "@steppe/shared";
import type { Job } from "./job.js";
import type { Service } from "./service.js";
import { JobType } from "./status.js";
import type { TaskGroup } from "./task-group.js";
import { validateTask } from "./validate-task.js";
import { validateConstraints } from "./validate-constraint.js";
import { nest } from "./validate-text.js";

/** What is wrong with one group of a canonical job. */
export function validateGroup(job: Job, group: TaskGroup): string[] {
  const errors: string[] = [];
  if (group.Name === "") errors.push("Missing task group name");
  else if (group.Name.includes("\0")) errors.push("Task group name contains null character");
  if (group.Count < 0) errors.push("Task group count can't be negative");
  if (group.Tasks.length === 0) errors.push("Missing tasks for task group");
  if (group.ShutdownDelay !== null && group.ShutdownDelay < 0) errors.push("ShutdownDelay must be a positive value");
  if (group.MaxRunDuration !== null && group.MaxRunDuration < 0) errors.push("max_run_duration must not be negative");
  validateConstraints(group.Constraints, errors);
  validateRestart(group, errors);
  validateReschedule(job, group, errors);
  validateUpdate(job, group, errors);
  validateMigrate(job, group, errors);
  if (group.EphemeralDisk.SizeMB < 10) errors.push(`Minimum DiskMB value is 10; got ${group.EphemeralDisk.SizeMB}`);
  validateScaling(group, errors);
  validateTasks(job, group, errors);
  validatePorts(group, errors);
  return errors;
}

function validateRestart(group: TaskGroup, errors: string[]): void {
  const { Mode, Attempts, Interval, Delay } = group.RestartPolicy;
  if (Mode !== "fail" && Mode !== "delay") errors.push(`Unsupported restart mode: "${Mode}"`);
  if (Attempts === 0 && Mode !== "fail") {
    errors.push(`Restart policy "${Mode}" with ${Attempts} attempts is ambiguous`);
  }
  if (Interval < 5e9) errors.push(`Interval can not be less than 5s (got ${formatDuration(Interval)})`);
  if (Attempts * Delay > Interval) {
    errors.push(
      `Nomad can't restart the TaskGroup ${Attempts} times in an interval of ${formatDuration(Interval)} with a delay of ${formatDuration(Delay)}`,
    );
  }
}

function validateReschedule(job: Job, group: TaskGroup, errors: string[]): void {
  const policy = group.ReschedulePolicy;
  if (job.Type === JobType.system || job.Type === JobType.sysbatch) {
    if (policy) errors.push(`System or sysbatch jobs should not have a reschedule policy`);
    return;
  }
  if (!policy || (policy.Attempts === 0 && !policy.Unlimited)) return;
  if (policy.Delay < 5e9) errors.push(`Delay cannot be less than 5s (got ${formatDuration(policy.Delay)})`);
  if (!["constant", "exponential", "fibonacci"].includes(policy.DelayFunction)) {
    errors.push(
      `Invalid delay function "${policy.DelayFunction}", must be one of ["constant" "exponential" "fibonacci"]`,
    );
  } else if (policy.DelayFunction !== "constant" && policy.MaxDelay < policy.Delay) {
    errors.push(
      `Max Delay cannot be less than Delay ${formatDuration(policy.Delay)} (got ${formatDuration(policy.MaxDelay)})`,
    );
  }
  if (!policy.Unlimited && policy.Interval < 5e9) {
    errors.push(`Interval cannot be less than 5s (got ${formatDuration(policy.Interval)})`);
  }
}

function validateUpdate(job: Job, group: TaskGroup, errors: string[]): void {
  const update = group.Update;
  if (!update) return;
  if (job.Type === JobType.batch || job.Type === JobType.sysbatch) {
    errors.push(`Job type "${job.Type}" does not allow update block`);
    return;
  }
  const inner: string[] = [];
  if (!["", "checks", "task_states", "manual"].includes(update.HealthCheck)) {
    inner.push(`Invalid health check given: "${update.HealthCheck}"`);
  }
  if (update.MaxParallel < 0) inner.push(`Max parallel can not be less than zero: ${update.MaxParallel} < 0`);
  if (update.Canary < 0) inner.push(`Canary count can not be less than zero: ${update.Canary} < 0`);
  if (update.Canary === 0 && update.AutoPromote) inner.push("Auto Promote requires a Canary count greater than zero");
  const [healthy, deadline, progress] = [update.MinHealthyTime, update.HealthyDeadline, update.ProgressDeadline];
  if (healthy < 0) inner.push(`Minimum healthy time may not be less than zero: ${formatDuration(healthy)}`);
  if (deadline <= 0) inner.push(`Healthy deadline must be greater than zero: ${formatDuration(deadline)}`);
  if (progress < 0) inner.push(`Progress deadline must be zero or greater: ${formatDuration(progress)}`);
  if (healthy >= deadline) {
    inner.push(
      `Minimum healthy time must be less than healthy deadline: ${formatDuration(healthy)} > ${formatDuration(deadline)}`,
    );
  }
  if (progress !== 0 && deadline >= progress) {
    inner.push(
      `Healthy deadline must be less than progress deadline: ${formatDuration(deadline)} > ${formatDuration(progress)}`,
    );
  }
  if (update.Stagger <= 0) inner.push(`Stagger must be greater than zero: ${formatDuration(update.Stagger)}`);
  errors.push(...inner);
}

function validateMigrate(job: Job, group: TaskGroup, errors: string[]): void {
  const migrate = group.Migrate;
  if (!migrate) return;
  if (job.Type !== JobType.service) {
    errors.push(`Job type "${job.Type}" does not allow migrate block`);
    return;
  }
  if (migrate.MaxParallel < 0) errors.push(`MaxParallel must be >= 0 but found ${migrate.MaxParallel}`);
  if (migrate.HealthCheck !== "checks" && migrate.HealthCheck !== "task_states") {
    errors.push(`Invalid HealthCheck: "${migrate.HealthCheck}"`);
  }
  if (migrate.MinHealthyTime > migrate.HealthyDeadline) {
    errors.push("MinHealthyTime must be less than HealthyDeadline");
  }
}

function validateScaling(group: TaskGroup, errors: string[]): void {
  const policy = group.Scaling;
  if (!policy) return;
  if (policy.Max < 0) errors.push("Scaling policy invalid: maximum count must be specified and non-negative");
  else if (policy.Max < policy.Min) {
    errors.push("Scaling policy invalid: maximum count must not be less than minimum count");
  } else if (policy.Max < group.Count) {
    errors.push(`Scaling policy invalid: task group count must not be greater than maximum count in scaling policy`);
  }
  if (policy.Min < 0) errors.push("Scaling policy invalid: minimum count must be specified and non-negative");
  else if (group.Count < policy.Min) {
    errors.push("Scaling policy invalid: task group count must not be less than minimum count in scaling policy");
  }
}

function validateTasks(job: Job, group: TaskGroup, errors: string[]): void {
  const seen = new Map<string, number>();
  group.Tasks.forEach((task, i) => {
    const before = seen.get(task.Name);
    if (task.Name === "") errors.push(`Task ${i + 1} missing name`);
    else if (before !== undefined) errors.push(`Task ${i + 1} redefines '${task.Name}' from task ${before + 1}`);
    else seen.set(task.Name, i);
  });
  if (group.Tasks.filter((task) => task.Leader).length > 1) errors.push("Only one task may be marked as leader");
  if (group.Tasks.length > 0 && group.Tasks.every((task) => task.Lifecycle !== null)) {
    errors.push("at least one task must not be a lifecycle hook");
  }
  for (const task of group.Tasks) {
    nest(errors, `Task ${task.Name} validation failed`, validateTask(job, group, task));
  }
}

function validatePorts(group: TaskGroup, errors: string[]): void {
  const labels = new Set<string>();
  const values = new Map<number, string>();
  const networks = [...(group.Networks ?? []), ...group.Tasks.flatMap((task) => task.Resources.Networks ?? [])];
  for (const network of networks) {
    for (const port of [...(network.ReservedPorts ?? []), ...(network.DynamicPorts ?? [])]) {
      if (labels.has(port.Label)) errors.push(`Port label ${port.Label} already in use`);
      labels.add(port.Label);
      if ((port.To ?? 0) > 65535)
        errors.push(`Port ${port.Label} cannot be mapped to a port (${port.To}) greater than 65535`);
    }
    for (const port of network.ReservedPorts ?? []) {
      const value = port.Value ?? 0;
      const holder = values.get(value);
      if (value < 0 || value > 65535) errors.push(`Port ${port.Label} (${value}) cannot be greater than 65535`);
      else if (holder !== undefined) errors.push(`Static port ${value} already reserved by ${holder}`);
      else values.set(value, port.Label);
    }
  }
  const services = [...(group.Services ?? []), ...group.Tasks.flatMap((task) => task.Services ?? [])];
  for (const service of services) validateService(service, labels, errors);
}

function validateService(service: Service, labels: Set<string>, errors: string[]): void {
  if (service.Provider !== "consul" && service.Provider !== "nomad") {
    errors.push(`Service provider must be "consul" or "nomad"; got "${service.Provider}"`);
  }
  const numeric = /^\d+$/.test(service.PortLabel);
  if (service.PortLabel !== "" && !numeric && !service.PortLabel.includes("${") && !labels.has(service.PortLabel)) {
    errors.push(`Port label "${service.PortLabel}" referenced by services ${service.Name} does not exist`);
  }
  for (const check of service.Checks ?? []) {
    if (!["http", "tcp", "script", "grpc"].includes(check.Type.toLowerCase())) {
      errors.push(
        `Service ${service.Name} check "${check.Name}" validation failed: invalid check type ("${check.Type}"), must be one of "http", "tcp", "script", "grpc"`,
      );
    }
    if (check.Interval < 1e9) {
      errors.push(`interval (${formatDuration(check.Interval)}) cannot be lower than 1s`);
    }
    if (check.Timeout < 1e9 && check.Timeout !== 0) {
      errors.push(`timeout (${formatDuration(check.Timeout)}) is lower than required minimum timeout 1s`);
    }
  }
}

/** What the author of a group should know. */
export function groupWarnings(job: Job, group: TaskGroup): string[] {
  const warnings: string[] = [];
  const update = group.Update;
  if (update && job.Type === JobType.service && update.MaxParallel > group.Count && group.Count > 0) {
    warnings.push(
      `Update max parallel count is greater than task group count (${update.MaxParallel} > ${group.Count}). ` +
        "A destructive change would result in the simultaneous replacement of all allocations.",
    );
  }
  const delayed = group.ShutdownDelay !== null || group.Tasks.some((task) => task.ShutdownDelay > 0);
  if (group.Services && !delayed) {
    warnings.push(
      `group "${group.Name}" defines services, but neither the group nor any of its tasks have shutdown_delay set`,
    );
  }
  if ((group.Networks ?? []).some((network) => (network.MBits ?? 0) > 0)) {
    warnings.push("mbits has been deprecated as of Nomad 0.12.0. Please remove mbits from the network block");
  }
  if (group.Tasks.some((task) => task.Resources.Networks)) {
    warnings.push(
      "task network resources have been deprecated as of Nomad 0.12.0. Please configure networking via group network block.",
    );
  }
  return warnings;
}
