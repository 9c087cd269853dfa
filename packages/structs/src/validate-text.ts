/** Several errors as one text, as Go's multierror prints them: `2 errors occurred:\n\t* a\n\t* b\n\n`. "" for none. */
export function formatErrors(errors: readonly string[]): string {
  if (errors.length === 0) return "";
  const count = errors.length === 1 ? "1 error occurred" : `${errors.length} errors occurred`;
  return `${count}:\n\t* ${errors.join("\n\t* ")}\n\n`;
}

/** Warnings as one text: `1 warning:\n\n* a`. "" for none. */
export function formatWarnings(warnings: readonly string[]): string {
  if (warnings.length === 0) return "";
  const count = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
  return `${count}:\n\n${warnings.map((warning) => `* ${warning}`).join("\n")}`;
}

/** Appends the inner errors as one under a heading. */
export function nest(errors: string[], heading: string, inner: readonly string[]): void {
  if (inner.length > 0) errors.push(`${heading}: ${formatErrors(inner)}`);
}
