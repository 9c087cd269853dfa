import type { SelectorNode } from "./ast.js";
import { evaluationError } from "./errors.js";
import type { FieldKinds } from "./fields.js";
import type { NumberKind } from "./literals.js";

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

/**
 * A compiled path. `read` walks it; `isMap` and `isOpen` then say of what was read last whether an object is a map (rather than
 * a structure) and whether it is free-form data.
 */
export class Selector {
  isMap = false;
  isOpen = false;
  readonly numberKind: NumberKind;
  private readonly parts: readonly string[];
  private readonly name: string;

  constructor(
    readonly node: SelectorNode,
    private readonly origin: Origin,
    private readonly kinds: FieldKinds,
  ) {
    this.parts = origin.kind === "row" ? node.parts : node.parts.slice(1);
    this.name = this.parts[0] ?? "";
    const last = node.parts.at(-1) ?? "";
    this.numberKind = kinds.unsigned.has(last) ? "uint" : kinds.floats.has(last) ? "float" : "int";
  }

  /** The value at the path, null for what is nil, or MISSING. Throws an evaluation error where a structure lacks the field. */
  read(row: JsonObject): unknown {
    if (this.origin.kind === "row") {
      if (this.kinds.hidden.has(this.name)) throw this.missingField(0);
      if (this.parts.length > 1) return this.walk(row, false);
      const value = row[this.name];
      if (value === undefined || !Object.hasOwn(row, this.name)) throw this.missingField(0);
      this.enter(this.name, false);
      return value;
    }
    const { binding } = this.origin;
    if (this.origin.kind === "key") {
      if (this.parts.length > 0) throw this.plainBinding(binding);
      return binding.key;
    }
    return this.walk(binding.element, binding.collection.isOpen);
  }

  /** The path from the row on, as errors print it. */
  path(): string[] {
    const { origin } = this;
    if (origin.kind === "row") return [...this.parts];
    return [...origin.binding.collection.path(), String(origin.binding.key), ...this.parts];
  }

  private walk(start: unknown, open: boolean): unknown {
    let value = start;
    this.isMap = open;
    this.isOpen = open;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i] ?? "";
      if (Array.isArray(value)) {
        value = value[this.index(part, value.length, i)];
        this.isMap = this.isOpen;
      } else if (value === null && this.isMap) {
        if (i === this.parts.length - 1) return MISSING;
        throw this.failure(i, `couldn't find key ${JSON.stringify(part)}`);
      } else if (typeof value === "object" && value !== null) {
        if (!Object.hasOwn(value, part) || (value as JsonObject)[part] === undefined) {
          if (!this.isMap) throw this.missingField(i);
          if (i === this.parts.length - 1) return MISSING;
          throw this.failure(i, `couldn't find key ${JSON.stringify(part)}`);
        }
        value = (value as JsonObject)[part];
        if (this.isMap) this.isMap = this.isOpen;
        else this.enter(part, this.isOpen);
      } else {
        throw this.failure(i, `invalid value kind: ${goKind(value)}`);
      }
    }
    return value;
  }

  /** Notes what the field of a structure holds. */
  private enter(name: string, open: boolean): void {
    this.isOpen = open || this.kinds.open.has(name);
    this.isMap = this.isOpen || this.kinds.maps.has(name);
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
    return evaluationError(
      `error finding value in datum: /${shown} at part ${path.length - this.parts.length + at}: ${problem}`,
    );
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
