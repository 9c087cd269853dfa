import type { TSchema } from "@sinclair/typebox";
import { isEmpty, type Shape, shapeOf, type StructShape } from "./shape.js";

/**
 * Renames keys to their exact case, drops unknown keys and nulls. Values of a wrong type stay where they are: telling is the
 * validator's work. Free-form values are handed through by reference.
 */
export function normalize(schema: TSchema, value: unknown): unknown {
  return normalizeShape(shapeOf(schema), value);
}

function normalizeShape(shape: Shape, value: unknown): unknown {
  switch (shape.kind) {
    case "scalar":
      return value;
    case "struct":
      return isRecord(value) ? normalizeStruct(shape, value) : value;
    case "list": {
      if (!Array.isArray(value) || isFlat(shape.items, value)) return value;
      return value.map((item) =>
        item === null || item === undefined ? zeroOf(shape.items) : normalizeShape(shape.items, item),
      );
    }
    case "map": {
      if (!isRecord(value) || isFlat(shape.values, Object.values(value))) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          item === null || item === undefined ? zeroOf(shape.values) : normalizeShape(shape.values, item),
        ]),
      );
    }
  }
}

function normalizeStruct(shape: StructShape, value: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key in value) {
    const item = value[key];
    if (item === null || item === undefined) continue;
    const field = shape.byName.get(key) ?? shape.byName.get(key.toLowerCase());
    if (field) out[field.name] = field.shape.kind === "scalar" ? item : normalizeShape(field.shape, item);
  }
  return out;
}

/**
 * Gives a normalized value all keys of its shape in their order: zero values where nothing was sent, null for empty lists and
 * maps, and no `omit` key that is empty. The result shares only free-form values with the input.
 */
export function fill(schema: TSchema, value: unknown): unknown {
  return fillShape(shapeOf(schema), value);
}

function fillShape(shape: Shape, value: unknown): unknown {
  switch (shape.kind) {
    case "scalar":
      return value;
    case "struct":
      return fillStruct(shape, value as Record<string, unknown>);
    case "list": {
      const items = value as unknown[];
      if (items.length === 0) return shape.zero === null || shape.zero === undefined ? null : [];
      return shape.items.kind === "scalar" ? items.slice() : items.map((item) => fillShape(shape.items, item));
    }
    case "map": {
      if (isEmpty(value)) return shape.zero === null || shape.zero === undefined ? null : {};
      if (shape.values.kind === "scalar") return { ...(value as Record<string, unknown>) };
      return Object.fromEntries(
        Object.entries(value as Record<string, unknown>).map(([key, item]) => [
          key,
          item === null ? null : fillShape(shape.values, item),
        ]),
      );
    }
  }
}

function fillStruct(shape: StructShape, value: Record<string, unknown>): Record<string, unknown> {
  const out = { ...shape.template };
  for (const key in value) {
    const item = value[key];
    if (item === null || item === undefined) continue;
    const field = shape.byName.get(key);
    if (!field || (field.optional && isEmpty(item))) continue;
    // An empty text says nothing where the default is not empty: `restart`, `consul`, `default`.
    if (item === "" && field.shape.zero !== null) continue;
    out[key] = field.shape.kind === "scalar" ? item : fillShape(field.shape, item);
  }
  for (const field of shape.nested) if (out[field.name] === null) out[field.name] = fillShape(field.shape, {});
  return out;
}

/** Nothing in the list can need renaming or replacing. */
function isFlat(items: Shape, values: unknown[]): boolean {
  return items.kind === "scalar" && !values.includes(null);
}

/** What Go leaves in a list where null was sent. */
function zeroOf(shape: Shape): unknown {
  return shape.kind === "struct" ? {} : shape.zero;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
