import { compileExpression } from "./evaluate.js";
import { defaultFieldKinds, type FieldKinds } from "./fields.js";
import { parseFilter } from "./parser.js";

/** A compiled `?filter=` expression. */
export interface Filter {
  readonly text: string;
  /**
   * Whether a stored row passes. Rows are plain data whose fields have the names of the stored structures (not of list stubs).
   * @throws SteppeError filterEvaluation (400): no such field, a value that does not convert, a bad regular expression
   */
  matches(row: object): boolean;
}

/**
 * Compiles a filter expression; an empty text means no filter and is the caller's to skip.
 * @throws SteppeError filterSyntax (400)
 */
export function compileFilter(text: string, kinds: FieldKinds = defaultFieldKinds): Filter {
  const predicate = compileExpression(parseFilter(text), kinds);
  return { text, matches: predicate };
}
