import type { Constraint, Node } from "@steppe/structs";
import { matchesRegex } from "./patterns.js";
import { versionSatisfies } from "./versions.js";

/** Operands that are not a property of one node: they depend on where the job's other allocations are. */
export const DISTINCT_HOSTS = "distinct_hosts";
export const DISTINCT_PROPERTY = "distinct_property";

/**
 * The value of a constraint's target on a node: `${attr.kernel.name}`, `${meta.rack}`, `${node.class}` and so on.
 * A text that is not such a reference stands for itself. Undefined where the node has no such value.
 */
export function resolveTarget(target: string, node: Node): string | undefined {
  if (!target.startsWith("${")) return target;
  const name = target.endsWith("}") ? target.slice(2, -1) : target.slice(2);
  if (name.startsWith("attr.")) return node.Attributes?.[name.slice(5)];
  if (name.startsWith("meta.")) return node.Meta?.[name.slice(5)];
  switch (name) {
    case "node.unique.id":
      return node.ID;
    case "node.unique.name":
      return node.Name;
    case "node.datacenter":
      return node.Datacenter;
    case "node.class":
      return node.NodeClass;
    case "node.pool":
      return node.NodePool;
    default:
      return undefined;
  }
}

/** Whether a target differs between nodes of one computed class, so that its outcome must not be cached per class. */
export function escapesClass(target: string): boolean {
  return (
    target.startsWith("${node.unique.") || target.startsWith("${attr.unique.") || target.startsWith("${meta.unique.")
  );
}

/** The values of the region, which are not written on the node row. */
export interface TargetScope {
  readonly region: string;
}

/** Whether one node satisfies a constraint (or an affinity's condition). Distinct operands hold here: they are judged elsewhere. */
export function constraintHolds(
  constraint: Pick<Constraint, "LTarget" | "RTarget" | "Operand">,
  node: Node,
  scope: TargetScope,
): boolean {
  const left = resolveInScope(constraint.LTarget, node, scope);
  const right = resolveInScope(constraint.RTarget, node, scope);
  return operandHolds(constraint.Operand, left, right);
}

function resolveInScope(target: string, node: Node, scope: TargetScope): string | undefined {
  return target === "${node.region}" ? scope.region : resolveTarget(target, node);
}

function operandHolds(operand: string, left: string | undefined, right: string | undefined): boolean {
  switch (operand) {
    case DISTINCT_HOSTS:
    case DISTINCT_PROPERTY:
      return true;
    case "!=":
    case "not":
      return left !== right;
    case "is_set":
      return left !== undefined;
    case "is_not_set":
      return left === undefined;
  }
  return left !== undefined && right !== undefined && bothHold(operand, left, right);
}

function bothHold(operand: string, left: string, right: string): boolean {
  switch (operand) {
    case "=":
    case "==":
    case "is":
    case "":
      return left === right;
    case "<":
      return compareValues(left, right) < 0;
    case "<=":
      return compareValues(left, right) <= 0;
    case ">":
      return compareValues(left, right) > 0;
    case ">=":
      return compareValues(left, right) >= 0;
    case "regexp":
      return matchesRegex(left, right);
    case "version":
      return versionSatisfies(left, right, false);
    case "semver":
      return versionSatisfies(left, right, true);
    case "set_contains":
    case "set_contains_all":
      return members(right).every((member) => members(left).includes(member));
    case "set_contains_any":
      return members(right).some((member) => members(left).includes(member));
    default:
      return false;
  }
}

/** Numbers compare as numbers when both sides are, everything else by its bytes. */
function compareValues(left: string, right: string): number {
  const a = Number(left);
  const b = Number(right);
  if (left.trim() !== "" && right.trim() !== "" && !Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  return left < right ? -1 : left > right ? 1 : 0;
}

function members(text: string): string[] {
  return text.split(",").map((member) => member.trim());
}

/** How Nomad prints a constraint, which is the key under which a filtered node is counted. */
export function describeConstraint(constraint: Pick<Constraint, "LTarget" | "RTarget" | "Operand">): string {
  return `${constraint.LTarget} ${constraint.Operand} ${constraint.RTarget}`;
}
