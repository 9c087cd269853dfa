import type { Static, TSchema } from "@sinclair/typebox";
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
  return fill(schema, decodeInput(schema, value));
}

/** A job as a client sent it; `canonicalizeJob` makes the stored shape of it. */
export const decodeJob = (value: unknown): JobInput => decodeInput<typeof JobSchema>(JobSchema, value);
