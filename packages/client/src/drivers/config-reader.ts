import { parseDuration } from "@steppe/shared";

import { errors } from "../errors.js";

/** Reads typed values out of a task's `config` block, which is free-form JSON. Each throws `badConfig` on a wrong type. */
export class ConfigReader {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  string(field: string): string {
    const value = this.#values[field] ?? "";
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    throw errors.badConfig({ field, expected: "a string" });
  }

  strings(field: string): string[] {
    const value = this.#values[field] ?? [];
    if (!Array.isArray(value)) throw errors.badConfig({ field, expected: "a list of strings" });
    return value.map((item: unknown) => {
      if (typeof item === "string") return item;
      if (typeof item === "number" || typeof item === "boolean") return String(item);
      throw errors.badConfig({ field, expected: "a list of strings" });
    });
  }

  number(field: string): number {
    const value = this.#values[field] ?? 0;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || Number.isNaN(number)) throw errors.badConfig({ field, expected: "a number" });
    return number;
  }

  boolean(field: string): boolean {
    const value = this.#values[field] ?? false;
    if (typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    throw errors.badConfig({ field, expected: "true or false" });
  }

  /** A Go duration (or a number of nanoseconds) in milliseconds; undefined where the field is missing or empty. */
  durationMs(field: string): number | undefined {
    const value = this.#values[field];
    if (value === undefined || value === null || value === "") return undefined;
    const ns = typeof value === "number" ? value : typeof value === "string" ? parseDuration(value) : undefined;
    if (ns === undefined) throw errors.badConfig({ field, expected: 'a duration such as "10s"' });
    return ns / 1e6;
  }
}
