import type { CollectionNode, Expression, MatchNode, SelectorNode } from "./ast.js";
import { evaluationError } from "./errors.js";
import { Literal } from "./literals.js";
import { compilePattern } from "./pattern.js";
import { isMapSchema, isOpenSchema, numberKind, type RowSchema } from "./row-schema.js";
import { type Binding, goKind, MISSING, type Origin, Selector } from "./selector.js";

type Row = Readonly<Record<string, unknown>>;
/** A compiled expression. Throws evaluation errors only. */
export type Predicate = (row: Row) => boolean;
type Scope = ReadonlyMap<string, Origin>;

/** Compiles an expression into closures: nothing of the tree is looked at again while rows are read. */
export function compileExpression(
  expression: Expression,
  schema: RowSchema | undefined,
  scope: Scope = new Map(),
): Predicate {
  switch (expression.kind) {
    case "or":
    case "and": {
      const decides = expression.kind === "or";
      const [first, ...rest] = expression.operands.map((operand) => compileExpression(operand, schema, scope));
      return rest.reduce(
        (left, right) => (row) => (left(row) === decides ? decides : right(row)),
        first ?? (() => !decides),
      );
    }
    case "not": {
      const operand = compileExpression(expression.operand, schema, scope);
      return (row) => !operand(row);
    }
    case "any":
    case "all":
      return compileCollection(expression, schema, scope);
    case "match":
      return compileMatch(expression, schema, scope);
  }
}

function compileSelector(node: SelectorNode, schema: RowSchema | undefined, scope: Scope): Selector {
  return new Selector(node, scope.get(node.parts[0] ?? "") ?? { kind: "row" }, schema);
}

function compileMatch(node: MatchNode, schema: RowSchema | undefined, scope: Scope): Predicate {
  const selector = compileSelector(node.selector, schema, scope);
  const test = operatorTest(node, selector);
  const { negated } = node;
  // A key that a map does not hold is equal to nothing, in nothing, empty and nil; `not` turns each round.
  const whenMissing = (node.operator === "empty" || node.operator === "nil") !== negated;
  return (row) => {
    const value = selector.read(row);
    return value === MISSING ? whenMissing : test(value) !== negated;
  };
}

function operatorTest(node: MatchNode, selector: Selector): (value: unknown) => boolean {
  const literal = new Literal(node.value);
  switch (node.operator) {
    case "equal":
      return (value) => equals(value, literal, selector);
    case "in":
      return (value) => includes(value, literal, selector);
    case "matches":
      return patternTest(node.value);
    case "empty":
      return (value) => isEmpty(value, selector);
    case "nil":
      return (value) => isNil(value, selector);
  }
}

function equals(value: unknown, literal: Literal, selector: Selector): boolean {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    throw evaluationError("unable to find suitable primitive comparison function for matching");
  }
  return literal.equals(value, numberKind(selector.schema));
}

function includes(value: unknown, literal: Literal, selector: Selector): boolean {
  if (typeof value === "string") return value.includes(literal.text);
  if (value === null) return false;
  if (Array.isArray(value)) {
    if (!isOpenSchema(selector.schema)) return value.some((element) => equals(element, literal, selector));
    return value.some(
      (element) => typeof element !== "object" && literal.equalsDynamic(element as string | number | boolean),
    );
  }
  if (typeof value === "object" && isMapSchema(selector.schema)) return Object.hasOwn(value, literal.text);
  const path = selector.node.parts.join(".");
  throw evaluationError(
    `Cannot perform in/contains operations on type ${goKind(value)} for selector: ${JSON.stringify(path)}`,
  );
}

function patternTest(pattern: string): (value: unknown) => boolean {
  // Compiled when the first value arrives: a bad pattern is an error of evaluation, which an empty list never reports.
  let matcher: ((text: string) => boolean) | undefined;
  return (value) => {
    if (typeof value !== "string") throw evaluationError(`Value of type ${goKind(value)} is not convertible to []byte`);
    matcher ??= compilePattern(pattern);
    return matcher(value);
  };
}

function isEmpty(value: unknown, selector: Selector): boolean {
  if (value === null || value === "") return true;
  if (typeof value === "string") return false;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && isMapSchema(selector.schema)) return Object.keys(value).length === 0;
  throw evaluationError(`a value of kind ${goKind(value)} is neither empty nor not: /${selector.path().join("/")}`);
}

function isNil(value: unknown, selector: Selector): boolean {
  if (value === null) return true;
  if (typeof value === "object") return false;
  throw evaluationError(`a value of kind ${goKind(value)} cannot be nil: /${selector.path().join("/")}`);
}

function compileCollection(node: CollectionNode, schema: RowSchema | undefined, scope: Scope): Predicate {
  const selector = compileSelector(node.selector, schema, scope);
  const binding: Binding = { collection: selector, key: 0, element: null };
  // With one name, a list binds its elements and a map its keys: both bodies are compiled, and the value chooses.
  const onList = compileExpression(node.body, schema, bindNames(node, binding, scope, "element"));
  const onMap =
    "only" in node.names ? compileExpression(node.body, schema, bindNames(node, binding, scope, "key")) : onList;
  const stopsOn = node.kind === "any";
  const visit = (row: Row, body: Predicate, key: string | number, element: unknown): boolean => {
    if ("key" in node.names && node.names.key !== undefined && node.names.key === node.names.value)
      throw sameNames(node.names.key);
    binding.key = key;
    binding.element = element;
    return body(row) === stopsOn;
  };
  return (row) => {
    const value = selector.read(row);
    if (value === MISSING || value === null) return !stopsOn;
    if (Array.isArray(value)) return value.some((element, i) => visit(row, onList, i, element)) === stopsOn;
    if (typeof value !== "object" || !isMapSchema(selector.schema))
      throw evaluationError(`${node.selector.text} is not a list or a map`);
    return Object.entries(value).some(([key, element]) => visit(row, onMap, key, element)) === stopsOn;
  };
}

function bindNames(node: CollectionNode, binding: Binding, scope: Scope, only: "element" | "key"): Scope {
  const inner = new Map(scope);
  if ("only" in node.names) inner.set(node.names.only, { kind: only, binding });
  else {
    if (node.names.key !== undefined) inner.set(node.names.key, { kind: "key", binding });
    if (node.names.value !== undefined) inner.set(node.names.value, { kind: "element", binding });
  }
  return inner;
}

function sameNames(name: string): Error {
  return evaluationError(`${JSON.stringify(name)} cannot be used as a placeholder for both the index and the value`);
}
