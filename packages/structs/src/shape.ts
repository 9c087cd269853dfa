import type { TSchema } from "@sinclair/typebox";
import { nodeOf, type SchemaNode } from "./schema-node.js";

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

const shapes = new WeakMap<SchemaNode, Shape>();

/** The shape of a schema. */
export function shapeOf(schema: TSchema): Shape {
  return nodeShape(nodeOf(schema));
}

function nodeShape(node: SchemaNode): Shape {
  let shape = shapes.get(node);
  if (!shape) shapes.set(node, (shape = makeShape(node)));
  return shape;
}

function makeShape(node: SchemaNode): Shape {
  const zero = node.default;
  if (node.items) return { kind: "list", zero: zero as ListShape["zero"], items: nodeShape(node.items) };
  if (node.properties) return makeStruct(node.properties, node.required ?? [], zero as StructShape["zero"]);
  if (node.additionalProperties) {
    return { kind: "map", zero: zero as MapShape["zero"], values: nodeShape(node.additionalProperties) };
  }
  return { kind: "scalar", zero };
}

function makeStruct(
  properties: Readonly<Record<string, SchemaNode>>,
  required: readonly string[],
  zero: StructShape["zero"],
): StructShape {
  const byName = new Map<string, Field>();
  const zeros: [string, unknown][] = [];
  const nested: Field[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const field = { name, shape: nodeShape(property), optional: !required.includes(name) };
    byName.set(name, field);
    byName.set(name.toLowerCase(), field);
    if (field.optional) continue;
    zeros.push([name, field.shape.zero]);
    if (field.shape.kind === "struct" && field.shape.zero === undefined) nested.push(field);
  }
  // JSON.parse gives an object with fast properties; keyed stores past a dozen keys would not.
  const template = JSON.parse(
    JSON.stringify(Object.fromEntries(zeros.map(([name, value]) => [name, value ?? null]))),
  ) as Record<string, unknown>;
  return { kind: "struct", zero, byName, template, nested };
}

/** Values that `omit` leaves out. */
export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object") return false;
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}
