import { RE2JS } from "re2js";

/** How many compiled expressions are kept; the cache is emptied when it is full, which bounds memory without bookkeeping. */
const CACHE_LIMIT = 1024;
const compiled = new Map<string, RE2JS | null>();

/**
 * Whether the text contains a match of an RE2 expression. Matching takes linear time: users write these expressions,
 * and JavaScript's own engine can be made to run away. An expression that does not compile matches nothing.
 */
export function matchesRegex(text: string, expression: string): boolean {
  let pattern = compiled.get(expression);
  if (pattern === undefined) {
    if (compiled.size >= CACHE_LIMIT) compiled.clear();
    pattern = compile(expression);
    compiled.set(expression, pattern);
  }
  return pattern !== null && pattern.matcher(text).find();
}

function compile(expression: string): RE2JS | null {
  try {
    return RE2JS.compile(expression);
  } catch {
    return null; // Admission refuses such expressions; one that got here anyway (a node's attribute) is simply no match.
  }
}

/** Whether the text matches a pattern in which `*` stands for any run of characters, as in a job's datacenters. */
export function matchesGlob(text: string, pattern: string): boolean {
  if (!pattern.includes("*")) return text === pattern;
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  const last = parts[parts.length - 1] ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let position = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}
