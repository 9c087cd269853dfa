import { defineErrors } from "@steppe/shared";

/**
 * Errors of the filter language. The texts are those that a Nomad agent was recorded to answer: tools match on the prefixes.
 * A list that answers another status (`/v1/jobs/statuses`: 500) changes the status, not the text.
 */
export const filterErrors = defineErrors({
  /** The text is no filter expression. */
  filterSyntax: {
    message:
      "failed to create result paginator: failed to read filter expression: {line}:{column} ({offset}): {problem}",
    status: 400,
  },
  /** The expression cannot be evaluated on a row: raised while rows are read, so an empty list never raises it. */
  filterEvaluation: { message: "failed to read result page: {problem}", status: 400 },
});

/** An evaluation error with the given text. */
export function evaluationError(problem: string): Error {
  return filterErrors.filterEvaluation({ problem });
}
