import { compileExpression } from "./evaluate.js";
import { parseFilter } from "./parser.js";
import type { RowSchema } from "./row-schema.js";

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
 * `schema` is that of the rows (`filterRowSchemas`); without one, fields are what their names mean in jobs, nodes and so on.
 * @throws SteppeError filterSyntax (400)
 */
export function compileFilter(text: string, schema?: RowSchema): Filter {
  const predicate = compileExpression(parseFilter(text), schema);
  return { text, matches: predicate };
}
