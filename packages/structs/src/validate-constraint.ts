import type { Constraint } from "./constraint.js";
import { formatErrors } from "./validate-text.js";

/** Appends what is wrong with a list of constraints. */
export function validateConstraints(constraints: Constraint[] | null, errors: string[]): void {
  constraints?.forEach((constraint, i) => {
    const wrong = constraintErrors(constraint);
    if (wrong.length > 0) errors.push(`Constraint ${i + 1} validation failed: ${formatErrors(wrong)}`);
  });
}

function constraintErrors({ LTarget, RTarget, Operand }: Constraint): string[] {
  const wrong: string[] = [];
  if (Operand === "") wrong.push("Missing constraint operand");
  const alone = Operand === "distinct_hosts" || Operand === "is_set" || Operand === "is_not_set";
  if (Operand === "distinct_property" && RTarget !== "" && !(Number(RTarget) > 0)) {
    wrong.push(`Distinct Property must have an integer RTarget of 1 or greater: ${RTarget}`);
  }
  if (Operand !== "distinct_hosts" && LTarget === "") wrong.push("No LTarget provided but is required by constraint");
  if (!alone && Operand !== "distinct_property" && RTarget === "")
    wrong.push(`Operator "${Operand}" requires an RTarget`);
  if (!OPERANDS.has(Operand) && Operand !== "") wrong.push(`Unknown constraint type "${Operand}"`);
  return wrong;
}

const OPERANDS = new Set([
  "=",
  "==",
  "is",
  "!=",
  "not",
  "<",
  "<=",
  ">",
  ">=",
  "distinct_hosts",
  "distinct_property",
  "regexp",
  "version",
  "semver",
  "is_set",
  "is_not_set",
  "set_contains",
  "set_contains_all",
  "set_contains_any",
]);
