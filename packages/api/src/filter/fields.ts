/**
 * What JSON cannot tell about a row, by field name. A filter must know a map from a structure: a missing key of a map is
 * "not equal", a missing field of a structure is an error. Names suffice, for a name means one thing in all rows where its
 * value is an object (`TaskGroups` is a list of a job and a map of a deployment: lists are recognized as such).
 */
export interface FieldKinds {
  /** Fields that hold maps. */
  readonly maps: ReadonlySet<string>;
  /** Fields that hold free-form data: maps at every depth, whose numbers have no declared type. */
  readonly open: ReadonlySet<string>;
  /** Number fields of an unsigned type. */
  readonly unsigned: ReadonlySet<string>;
  /** Number fields of a floating-point type. */
  readonly floats: ReadonlySet<string>;
  /** Top-level fields that a row carries but its stored structure does not, and secrets: a filter cannot see them. */
  readonly hidden: ReadonlySet<string>;
}

/** Kinds of the fields of jobs, nodes, allocations, evaluations, deployments, variables and what else lists return. */
export const defaultFieldKinds: FieldKinds = {
  maps: new Set([
    ...["Attributes", "Meta", "Env", "Links", "Drivers", "HostVolumes", "HostNetworks", "Volumes", "Labels", "Items"],
    ...[
      "TaskGroups",
      "Tasks",
      "TaskStates",
      "TaskResources",
      "Details",
      "Target",
      "Header",
      "TaggedAddresses",
      "CanaryMeta",
    ],
    ...["Summary", "QueuedAllocations", "FailedTGAllocs", "ClassEligibility", "DesiredUpdates", "PlacedAllocs"],
    ...["NodesAvailable", "NodesInPool", "ClassFiltered", "ConstraintFiltered", "ClassExhausted", "DimensionExhausted"],
    ...[
      "ResourcesExhausted",
      "Scores",
      "ScoreMetaData",
      "CSIControllerPlugins",
      "CSINodePlugins",
      "Secrets",
      "Parameters",
    ],
    ...["Context", "MountOptions", "Topologies", "Controllers", "Nodes", "Allocations", "ReadAllocs", "WriteAllocs"],
  ]),
  open: new Set(["Config", "Policy", "Options"]),
  unsigned: new Set([
    ...["CreateIndex", "ModifyIndex", "JobModifyIndex", "AllocModifyIndex", "SnapshotIndex", "Version", "JobVersion"],
    ...["JobCreateIndex", "JobSpecModifyIndex", "Restarts"],
  ]),
  floats: new Set(["NormScore", "Score", "Value", "AllocationWeight", "ScoreNormalized"]),
  hidden: new Set(["SecretID"]),
};

/** `kinds` with further fields that no filter can see, such as those a handler adds to the stored row. */
export function hideFields(kinds: FieldKinds, ...names: string[]): FieldKinds {
  return { ...kinds, hidden: new Set([...kinds.hidden, ...names]) };
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: unknown;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The names of the fields that hold maps, out of a JSON schema (TypeBox's `Record` is `patternProperties`). */
export function mapFieldsOf(schema: object): Set<string> {
  const names = new Set<string>();
  const seen = new Set<SchemaNode>();
  const visit = (node: SchemaNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const [name, field] of Object.entries(node.properties ?? {})) {
      if (isMap(field) || (field.anyOf ?? []).some(isMap)) names.add(name);
      visit(field);
    }
    for (const child of [...Object.values(node.patternProperties ?? {}), ...(node.anyOf ?? [])]) visit(child);
    if (typeof node.items === "object") visit(node.items);
    if (typeof node.additionalProperties === "object" && node.additionalProperties !== null)
      visit(node.additionalProperties);
  };
  visit(schema);
  return names;
}

function isMap(node: SchemaNode): boolean {
  return (
    node.patternProperties !== undefined ||
    (node.properties === undefined && typeof node.additionalProperties === "object")
  );
}
