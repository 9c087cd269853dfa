import type { SelectorNode } from "./ast.js";
import { evaluationError } from "./errors.js";
import { fieldSchema, isMapSchema, itemSchema, type RowSchema, valueSchema, zeroValue } from "./row-schema.js";

/** What a path into a map yields where its last key is absent: the operator then fixes the result. */
export const MISSING: unique symbol = Symbol("missing");

type JsonObject = Readonly<Record<string, unknown>>;

/** What the names of a collection expression stand for in the current turn; evaluation is synchronous, so one suffices. */
export interface Binding {
  readonly collection: Selector;
  /** The element's key in a map or index in a list. */
  key: string | number;
  element: unknown;
}

/** Where a selector's path starts: the row, a bound element, or a bound key, which is a plain value. */
export type Origin = { readonly kind: "row" } | { readonly kind: "element" | "key"; readonly binding: Binding };

/** A compiled path. `read` walks it; `schema` is then that of what was read last. */
export class Selector {
  schema: RowSchema | undefined;
  private readonly parts: readonly string[];
  private readonly name: string;
  /** Of a path of one part into a row with a schema, which is the common case: the field. */
  private readonly field: RowSchema | undefined;

  constructor(
    readonly node: SelectorNode,
    private readonly origin: Origin,
    private readonly rowSchema: RowSchema | undefined,
  ) {
    this.parts = origin.kind === "row" ? node.parts : node.parts.slice(1);
    this.name = this.parts[0] ?? "";
    const field = rowSchema?.properties && fieldSchema(rowSchema, this.name, {});
    this.field = origin.kind === "row" && this.parts.length === 1 && field !== "unknown" ? field : undefined;
  }

  /** The value at the path, null for what is nil, or MISSING. Throws an evaluation error where a structure lacks the field. */
  read(row: JsonObject): unknown {
    const { origin } = this;
    if (origin.kind === "row") {
      if (this.field === undefined) return this.walk(row, this.rowSchema);
      this.schema = this.field;
      const value = row[this.name];
      return value === undefined ? zeroValue(this.field) : value;
    }
    const { binding } = origin;
    if (origin.kind === "element") {
      const { schema } = binding.collection;
      return this.walk(binding.element, typeof binding.key === "number" ? itemSchema(schema) : valueSchema(schema));
    }
    if (this.parts.length > 0) throw this.plainBinding(binding);
    this.schema = undefined;
    return binding.key;
  }

  /** The path from the row on, as errors print it. */
  path(): string[] {
    const { origin } = this;
    if (origin.kind === "row") return [...this.parts];
    return [...origin.binding.collection.path(), String(origin.binding.key), ...this.parts];
  }

  private walk(start: unknown, startSchema: RowSchema | undefined): unknown {
    let value = start;
    let schema = startSchema;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i] ?? "";
      if (Array.isArray(value)) {
        value = value[this.index(part, value.length, i)];
        schema = itemSchema(schema);
      } else if (isMapSchema(schema) && typeof value === "object") {
        const found = value !== null && Object.hasOwn(value, part);
        if (!found && i === this.parts.length - 1) return MISSING;
        if (!found) throw this.failure(i, `couldn't find key ${JSON.stringify(part)}`);
        value = (value as JsonObject)[part];
        schema = valueSchema(schema);
      } else if (typeof value === "object" && value !== null) {
        const field = fieldSchema(schema, part, value);
        if (field === undefined) throw this.missingField(i);
        const present = Object.hasOwn(value, part) && (value as JsonObject)[part] !== undefined;
        if (!present && field === "unknown") throw this.missingField(i);
        schema = field === "unknown" ? undefined : field;
        value = present ? (value as JsonObject)[part] : zeroValue(schema ?? {});
      } else {
        throw this.failure(i, `invalid value kind: ${goKind(value)}`);
      }
    }
    this.schema = schema;
    return value;
  }

  private index(part: string, length: number, at: number): number {
    if (!/^[0-9]+$/.test(part)) throw this.failure(at, `strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`);
    const index = Number(part);
    if (index >= length) throw this.failure(at, `index ${index} is out of range (length = ${length})`);
    return index;
  }

  private missingField(at: number): Error {
    return this.failure(at, `couldn't find key: struct field with name ${JSON.stringify(this.parts[at])}`);
  }

  private failure(at: number, problem: string): Error {
    const path = this.path();
    const shown = path.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
    const place = path.length - this.parts.length + at;
    return evaluationError(`error finding value in datum: /${shown} at part ${place}: ${problem}`);
  }

  private plainBinding(binding: Binding): Error {
    const type = typeof binding.key === "number" ? "int" : "string";
    return evaluationError(`/${this.node.parts[0]} references a ${type} so /${this.node.parts.join("/")} is invalid`);
  }
}

/** The name of a value's kind in errors. */
export function goKind(value: unknown): string {
  if (value === null || value === undefined) return "invalid";
  if (Array.isArray(value)) return "slice";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "string" ? "string" : "struct";
}
