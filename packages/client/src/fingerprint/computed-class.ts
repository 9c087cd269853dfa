import { createHash } from "node:crypto";

import type { Node } from "@steppe/structs";

type ClassInput = Pick<Node, "Datacenter" | "NodeClass" | "NodePool" | "Attributes" | "Meta" | "HostVolumes">;

/**
 * Names what nodes have in common for scheduling: equal classes are equally feasible. Attributes and meta data that are unique to
 * a node (`unique.` prefix) are left out, or every node would be a class of its own.
 */
export function computedClass(node: ClassInput): string {
  const shared = (values: Readonly<Record<string, string>>): [string, string][] =>
    Object.entries(values)
      .filter(([key]) => !key.startsWith("unique."))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const volumes = Object.values(node.HostVolumes ?? {})
    .map(({ Name: name, ReadOnly: readOnly }) => [name, readOnly])
    .sort();
  const text = JSON.stringify([
    node.Datacenter,
    node.NodeClass,
    node.NodePool,
    shared(node.Attributes),
    shared(node.Meta),
    volumes,
  ]);
  return `v1:${createHash("sha256").update(text).digest().readBigUInt64BE(0)}`;
}
