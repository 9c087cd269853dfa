import { AllocationSchema, DeploymentSchema, EvaluationSchema, JobSchema, NodeSchema } from "@steppe/structs";

import type { NumberKind } from "./literals.js";

/**
 * What a filter must know of a stored row that JSON cannot tell: which objects are maps and which structures (a missing key of a
 * map is "not equal", a missing field of a structure is an error), which fields are left out while empty, and which Go type
 * a number has. The schemas of @steppe/structs say all of it.
 */
export interface RowSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, RowSchema>>;
  readonly additionalProperties?: RowSchema | boolean;
  readonly items?: RowSchema;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly goType?: string;
}

/** Free-form data: maps at every depth, whose numbers have no declared type. */
const OPEN: RowSchema = { goType: "interface {}" };

/** The schemas of the rows that lists filter, by table. */
export const filterRowSchemas: Readonly<Record<string, RowSchema>> = {
  jobs: JobSchema as RowSchema,
  // `Drain` is added while encoding, and nobody may learn a secret by guessing at it with filters.
  nodes: without(NodeSchema as RowSchema, "Drain", "SecretID"),
  allocations: AllocationSchema as RowSchema,
  evaluations: EvaluationSchema as RowSchema,
  deployments: DeploymentSchema as RowSchema,
};

function without(schema: RowSchema, ...names: string[]): RowSchema {
  const kept = Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name));
  return { ...schema, properties: Object.fromEntries(kept) };
}

/** Fields that are hidden from filters on rows without a schema, too. */
const SECRET_FIELDS = new Set(["SecretID"]);
let fieldsByName: Map<string, RowSchema> | undefined;

/**
 * The schema of a structure's field; undefined where the structure has none of this name. A structure without a schema has the
 * fields that it holds, of the types that fields of the same name have elsewhere.
 */
export function fieldSchema(
  struct: RowSchema | undefined,
  name: string,
  row: object,
): RowSchema | "unknown" | undefined {
  if (struct?.properties !== undefined)
    return Object.hasOwn(struct.properties, name) ? struct.properties[name] : undefined;
  if (SECRET_FIELDS.has(name)) return undefined;
  fieldsByName ??= collectFields(Object.values(filterRowSchemas));
  return fieldsByName.get(name) ?? (Object.hasOwn(row, name) ? "unknown" : undefined);
}

function collectFields(schemas: readonly RowSchema[]): Map<string, RowSchema> {
  const fields = new Map<string, RowSchema>();
  const visit = (schema: RowSchema): void => {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (!fields.has(name)) fields.set(name, field);
      visit(field);
    }
    for (const inner of [schema.items, schema.additionalProperties]) if (typeof inner === "object") visit(inner);
  };
  schemas.forEach(visit);
  return fields;
}

/** Whether an object of this schema is a map. A name that means a list elsewhere is a map where its value is an object. */
export function isMapSchema(schema: RowSchema | undefined): boolean {
  if (schema === undefined || schema.properties !== undefined) return false;
  return isOpenSchema(schema) || schema.type === "object" || schema.type === "array";
}

export function isOpenSchema(schema: RowSchema | undefined): boolean {
  return schema !== undefined && schema.type === undefined && schema.properties === undefined;
}

/** The schema of what a map holds. */
export function valueSchema(map: RowSchema | undefined): RowSchema | undefined {
  if (isOpenSchema(map)) return OPEN;
  return typeof map?.additionalProperties === "object" ? map.additionalProperties : undefined;
}

/** The schema of what a list holds. */
export function itemSchema(list: RowSchema | undefined): RowSchema | undefined {
  return isOpenSchema(list) ? OPEN : list?.items;
}

/** What a field that is left out while it is empty holds. */
export function zeroValue(schema: RowSchema): unknown {
  return schema.properties !== undefined && schema.nullable !== true ? {} : (schema.default ?? null);
}

export function numberKind(schema: RowSchema | undefined): NumberKind {
  if (isOpenSchema(schema)) return "dynamic";
  return schema?.goType === "uint64" ? "uint" : schema?.goType === "float64" ? "float" : "int";
}
