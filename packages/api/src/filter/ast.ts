/** A path into a row, `TaskGroups.0.Name` or `"/TaskGroups/0/Name"`. */
export interface SelectorNode {
  readonly parts: readonly string[];
  /** What the selector means where a value is expected: a bare word is a string; a quoted pointer loses its first slash. */
  readonly text: string;
}

/** What a comparison does. `contains` is `in` with its sides swapped, so there is one kind for both. */
export type Operator = "equal" | "in" | "matches" | "empty" | "nil";

/** One comparison; `value` is the literal's text, absent for `is empty` and `is nil`. */
export interface MatchNode {
  readonly kind: "match";
  readonly selector: SelectorNode;
  readonly operator: Operator;
  readonly negated: boolean;
  readonly value: string;
}

/** `any SELECTOR as KEY, VALUE { body }`; with one name, it is the element of a list or the key of a map. */
export interface CollectionNode {
  readonly kind: "any" | "all";
  readonly selector: SelectorNode;
  readonly names: CollectionNames;
  readonly body: Expression;
}

/** The names that a collection expression binds; `_` is absent. */
export type CollectionNames =
  { readonly only: string } | { readonly key: string | undefined; readonly value: string | undefined };

/** A parsed filter expression. */
export type Expression =
  | { readonly kind: "or" | "and"; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | MatchNode
  | CollectionNode;
