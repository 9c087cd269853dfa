import type { UpdateStrategy } from "./policies.js";
import type { Input } from "./schema.js";

/** `base` with what `input` says. */
export function merge<T extends object>(base: T, input: Input<T> | null | undefined): T {
  const out = { ...base };
  if (!input) return out;
  for (const key in out) {
    const value = (input as Partial<T>)[key];
    if (value !== null && value !== undefined) out[key] = value;
  }
  return out;
}

/** As `merge`, but an empty health check says nothing. */
export function mergeUpdate(base: UpdateStrategy, input: Input<UpdateStrategy> | null | undefined): UpdateStrategy {
  const out = merge(base, input);
  out.HealthCheck ||= base.HealthCheck;
  return out;
}
