import type { TSchema } from "@sinclair/typebox";

/**
 * What the decoder needs to know of a schema, worked out once per schema. The schemas of `schema.ts` use few JSON-schema
 * keywords, so that this walk stays small.
 */
export type Shape = ScalarShape | StructShape | ListShape | MapShape;

/** A text, number, truth value or anything at all: handed through; ajv checks it. */
export interface ScalarShape {
  kind: "scalar";
  zero: unknown;
}

export interface StructShape {
  kind: "struct";
  zero: null | undefined;
  /** By exact name and by lower-case name. */
  byName: Map<string, Field>;
  /** All keys that are always present, with their zero values, in order. Cloned with spread, which keeps V8's fast properties. */
  template: Record<string, unknown>;
  /** Keys of the template whose zero value is a struct: it needs a fresh one each time. */
  nested: Field[];
}

export interface ListShape {
  kind: "list";
  zero: unknown[] | null;
  items: Shape;
}

export interface MapShape {
  kind: "map";
  zero: Record<string, unknown> | null;
  values: Shape;
}

export interface Field {
  name: string;
  shape: Shape;
  /** Left out while empty. */
  optional: boolean;
}

const shapes = new WeakMap<object, Shape>();

/** The shape of a schema. */
export function shapeOf(schema: TSchema): Shape {
  const known = shapes.get(schema);
  if (known) return known;
  const shape = makeShape(schema);
  shapes.set(schema, shape);
  return shape;
}

function makeShape(schema: TSchema): Shape {
  if (schema["type"] === "array") return { kind: "list", zero: schema["default"], items: shapeOf(schema["items"]) };
  if (schema["type"] === "object" && schema["properties"]) return makeStruct(schema);
  if (schema["type"] === "object") {
    return { kind: "map", zero: schema["default"], values: shapeOf(schema["additionalProperties"]) };
  }
  return { kind: "scalar", zero: schema["default"] };
}

function makeStruct(schema: TSchema): StructShape {
  const required = new Set<string>(schema["required"] ?? []);
  const byName = new Map<string, Field>();
  const zeros: [string, unknown][] = [];
  const nested: Field[] = [];
  for (const [name, property] of Object.entries<TSchema>(schema["properties"])) {
    const field = { name, shape: shapeOf(property), optional: !required.has(name) };
    byName.set(name, field);
    byName.set(name.toLowerCase(), field);
    if (field.optional) continue;
    zeros.push([name, field.shape.zero]);
    if (field.shape.kind === "struct" && field.shape.zero === undefined) nested.push(field);
  }
  // JSON.parse gives an object with fast properties; keyed stores past a dozen keys would not.
  const template = JSON.parse(
    JSON.stringify(Object.fromEntries(zeros.map(([name, zero]) => [name, zero ?? null]))),
  ) as Record<string, unknown>;
  return { kind: "struct", zero: schema["default"], byName, template, nested };
}

/** Values that `omit` leaves out. */
export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object") return false;
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}
