import type { Static, TSchema } from "@sinclair/typebox";
import { errors } from "./errors.js";
import { JobSchema, type JobInput } from "./job.js";
import { fill, normalize } from "./normalize.js";
import type { Input } from "./schema.js";
import { checkTypes } from "./type-check.js";

/**
 * Reads a value as a client sent it: keys in any case, unknown keys dropped, null as if not sent.
 * Throws SteppeError 400 with Go's text, which names the field, where a type is wrong.
 */
export function decodeInput<S extends TSchema>(schema: S, value: unknown): Input<Static<S>> {
  const input = normalize(schema, value);
  checkTypes(schema, input);
  return input as Input<Static<S>>;
}

/** As `decodeInput`, with all keys present: zero values where nothing was sent. */
export function decode<S extends TSchema>(schema: S, value: unknown): Static<S> {
  return fill(schema, decodeInput(schema, value)) as Static<S>;
}

/** A job as a client sent it; `canonicalizeJob` makes the stored shape of it. */
export const decodeJob = (value: unknown): JobInput => decodeInput(JobSchema, value) as JobInput;

/**
 * Parses a request's body as Go's decoder does: the first JSON value counts, whatever follows it.
 * Throws SteppeError 400: `unexpected EOF` where the value is cut off, and `Request body is empty`.
 */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (text.trim() === "") throw errors.emptyBody();
    const end = firstValueEnd(text);
    if (end === undefined) throw errors.truncatedJSON({}, cause);
    try {
      return JSON.parse(text.slice(0, end));
    } catch (inner) {
      throw errors.invalidJSON({ reason: (inner as Error).message }, inner);
    }
  }
}

/** Where the first JSON value of a text ends; undefined where it does not. */
function firstValueEnd(text: string): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quoted) {
      if (char === "\\") i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else continue;
    if (depth <= 0 && !quoted) return i + 1;
  }
  if (depth > 0 || quoted) return undefined;
  return text.length;
}
