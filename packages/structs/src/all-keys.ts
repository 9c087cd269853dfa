import type { TSchema } from "@sinclair/typebox";

/**
 * Returns a function that gives a row all keys of its schema, also those that are left out while empty: what a filter
 * expression sees, where a missing key would be an unknown field. The first level only; kept as long as the row lives.
 */
export function allKeys(schema: TSchema): (row: object) => object {
  const properties = schema["properties"] as Record<string, TSchema>;
  const template: Record<string, unknown> = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, zeroOf(property)]),
  );
  const known = new WeakMap<object, object>();
  return (row) => {
    let complete = known.get(row);
    if (!complete) known.set(row, (complete = { ...template, ...row }));
    return complete;
  };
}

function zeroOf(property: TSchema): unknown {
  return property["default"] ?? null;
}
