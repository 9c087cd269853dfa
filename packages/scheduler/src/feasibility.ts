import type { Constraint, Job, Node, TaskGroup } from "@steppe/structs";
import {
  constraintHolds,
  describeConstraint,
  DISTINCT_HOSTS,
  DISTINCT_PROPERTY,
  escapesClass,
  type TargetScope,
} from "./constraints.js";

/** Reasons that are not a constraint, in Nomad's words. */
const MISSING_DRIVERS = "missing drivers";
const MISSING_NETWORK = "missing network";
const MISSING_VOLUMES = "missing compatible host volumes";

/**
 * Which nodes a task group may run on, as far as that depends on the node alone. Outcomes of constraints on attributes that nodes of a
 * computed class share are cached per class; drivers, volumes and networks are looked up on each node, because they are not
 * part of the class.
 */
export class GroupFeasibility {
  readonly distinctHosts: "job" | "group" | undefined;
  readonly distinctProperties: readonly { constraint: Constraint; scope: "job" | "group" }[];
  /** Whether a constraint speaks of values that differ within a class (`EscapedComputedClass`). */
  readonly escaped: boolean;
  readonly #classConstraints: readonly Constraint[];
  readonly #nodeConstraints: readonly Constraint[];
  readonly #drivers: readonly string[];
  readonly #volumes: readonly { source: string; readOnly: boolean }[];
  readonly #networkMode: string;
  readonly #scope: TargetScope;
  readonly #reasonByClass = new Map<string, string | null>();

  constructor(job: Job, group: TaskGroup) {
    const own = [...(group.Constraints ?? []), ...group.Tasks.flatMap((task) => task.Constraints ?? [])];
    const shared = job.Constraints ?? [];
    this.distinctHosts = shared.some(demandsDistinctHosts)
      ? "job"
      : own.some(demandsDistinctHosts)
        ? "group"
        : undefined;
    this.distinctProperties = [...distinctProperties(shared, "job"), ...distinctProperties(own, "group")];
    const all = [...shared, ...own].filter(
      ({ Operand }) => Operand !== DISTINCT_HOSTS && Operand !== DISTINCT_PROPERTY,
    );
    this.#nodeConstraints = all.filter(escapes);
    this.#classConstraints = all.filter((constraint) => !escapes(constraint));
    this.escaped = this.#nodeConstraints.length > 0;
    this.#drivers = [...new Set(group.Tasks.map((task) => task.Driver))];
    this.#volumes = hostVolumes(group);
    this.#networkMode = group.Networks?.[0]?.Mode ?? "";
    this.#scope = { region: job.Region };
  }

  /** Why a node cannot run the group, or null when it can. */
  infeasible(node: Node): string | null {
    const reason = this.#classConstraints.length === 0 ? null : this.#classReason(node);
    if (reason !== null) return reason;
    for (const constraint of this.#nodeConstraints) {
      if (!constraintHolds(constraint, node, this.#scope)) return describeConstraint(constraint);
    }
    return this.#missing(node);
  }

  /** Which computed classes were found to satisfy the constraints (`ClassEligibility`). */
  classEligibility(): Record<string, boolean> {
    return Object.fromEntries([...this.#reasonByClass].map(([name, reason]) => [name, reason === null]));
  }

  #classReason(node: Node): string | null {
    const name = node.ComputedClass;
    const known = name ? this.#reasonByClass.get(name) : undefined;
    if (known !== undefined) return known;
    const failed = this.#classConstraints.find((constraint) => !constraintHolds(constraint, node, this.#scope));
    const reason = failed ? describeConstraint(failed) : null;
    if (name) this.#reasonByClass.set(name, reason);
    return reason;
  }

  #missing(node: Node): string | null {
    for (const driver of this.#drivers) if (!driverHealthy(node, driver)) return MISSING_DRIVERS;
    if (
      this.#networkMode === "bridge" &&
      !node.NodeResources?.NodeNetworks?.some((network) => network.Mode === "bridge")
    )
      return MISSING_NETWORK;
    for (const { source, readOnly } of this.#volumes) {
      const volume = node.HostVolumes?.[source];
      if (!volume || (volume.ReadOnly && !readOnly)) return MISSING_VOLUMES;
    }
    return null;
  }
}

function demandsDistinctHosts(constraint: Constraint): boolean {
  return constraint.Operand === DISTINCT_HOSTS && constraint.RTarget !== "false";
}

function distinctProperties(
  constraints: readonly Constraint[],
  scope: "job" | "group",
): { constraint: Constraint; scope: "job" | "group" }[] {
  return constraints
    .filter(({ Operand }) => Operand === DISTINCT_PROPERTY)
    .map((constraint) => ({ constraint, scope }));
}

function escapes(constraint: Constraint): boolean {
  return escapesClass(constraint.LTarget) || escapesClass(constraint.RTarget);
}

function driverHealthy(node: Node, driver: string): boolean {
  const info = node.Drivers?.[driver];
  if (info) return info.Detected && info.Healthy;
  const attribute = node.Attributes?.[`driver.${driver}`];
  return attribute === "1" || attribute === "true";
}

function hostVolumes(group: TaskGroup): { source: string; readOnly: boolean }[] {
  const volumes = Object.values(
    (group.Volumes ?? {}) as Record<string, { Type?: string; Source?: string; ReadOnly?: boolean }>,
  );
  return volumes
    .filter((volume) => volume.Type === "host")
    .map((volume) => ({ source: volume.Source ?? "", readOnly: volume.ReadOnly ?? false }));
}
