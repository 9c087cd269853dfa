import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { FormatRegistry } from "@sinclair/typebox";
import { Errors, type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { defineErrors, errorMessage, parseDuration } from "@steppe/shared";

import { type ConfigurationFile, ConfigurationSchema } from "./schema.js";

export const configurationErrors = defineErrors({
  unreadable: { message: "Cannot read the configuration {path}: {reason}" },
  noJson: { message: "The configuration {path} is not valid JSON: {reason}" },
  invalid: { message: "The configuration {path} is not valid: {reason}" },
  emptyDirectory: { message: "The configuration directory {path} holds no .json file" },
});

const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Reads one file, or all `.json` files of a directory in the order of their names; later values win, maps are merged. */
export function loadConfiguration(path: string): ConfigurationFile {
  let files: string[];
  try {
    files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith(".json"))
          .sort()
          .map((name) => join(path, name))
      : [path];
  } catch (error) {
    throw configurationErrors.unreadable({ path, reason: errorMessage(error) }, error);
  }
  if (files.length === 0) throw configurationErrors.emptyDirectory({ path });
  return files.map(readFile).reduce(mergeConfiguration);
}

function readFile(path: string): ConfigurationFile {
  let text: string;
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw configurationErrors.unreadable({ path, reason: errorMessage(error) }, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw configurationErrors.noJson({ path, reason: errorMessage(error) }, error);
  }
  return validateConfiguration(value, path);
}

/** Checks a configuration; the error names the first key that is wrong, and what was expected there. */
export function validateConfiguration(value: unknown, path: string): ConfigurationFile {
  const configuration = flattenBlocks(value);
  const first = Errors(ConfigurationSchema, configuration).First();
  if (first !== undefined) throw configurationErrors.invalid({ path, reason: describe(first) });
  return configuration as ConfigurationFile;
}

const LOG_LEVELS = new Set(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"]);
/** Blocks that HCL written as JSON wraps in a list of one. */
const BLOCKS = new Set([
  "server",
  "client",
  "acl",
  "limits",
  "telemetry",
  "ports",
  "addresses",
  "advertise",
  "server_join",
  "reserved",
]);

function flattenBlocks(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]: [string, unknown]) => {
      const single: unknown = BLOCKS.has(key) && Array.isArray(child) && child.length === 1 ? child[0] : child;
      return [key, BLOCKS.has(key) ? flattenBlocks(single) : single];
    }),
  );
}

FormatRegistry.Set("duration", (text) => parseDuration(text) !== undefined);
FormatRegistry.Set("log-level", (text) => LOG_LEVELS.has(text.toUpperCase()));

const FORMATS: Readonly<Record<string, string>> = {
  duration: 'a duration such as "30s" or "1h30m"',
  "log-level": `one of ${[...LOG_LEVELS].join(", ")}`,
};

/** One error in the words of the file: the key, what it must be, and what it is. */
function describe({ type, path, schema, value, message }: ValueError): string {
  const key = path.slice(1).replaceAll("/", ".");
  if (type === ValueErrorType.ObjectAdditionalProperties) return `unknown key "${key}"`;
  const { format, minimum, maximum, exclusiveMinimum, pattern } = schema as Record<string, string | number | undefined>;
  const expected = new Map<ValueErrorType, string>([
    [ValueErrorType.StringFormat, FORMATS[String(format)] ?? String(format)],
    [ValueErrorType.StringPattern, `text that matches ${pattern}`],
    [ValueErrorType.IntegerMinimum, `>= ${minimum}`],
    [ValueErrorType.NumberMinimum, `>= ${minimum}`],
    [ValueErrorType.IntegerMaximum, `<= ${maximum}`],
    [ValueErrorType.NumberExclusiveMinimum, `> ${exclusiveMinimum}`],
  ]).get(type);
  const given = typeof value === "object" ? "" : `, not ${JSON.stringify(value)}`;
  return `${key === "" ? "it" : `"${key}"`} must be ${expected ?? message.replace(/^Expected (\w+)$/, "of type $1")}${given}`;
}

/** The later configuration over the earlier one: maps are merged key by key, everything else is replaced. */
export function mergeConfiguration(earlier: ConfigurationFile, later: ConfigurationFile): ConfigurationFile {
  return mergeMaps(earlier, later);
}

function mergeMaps(earlier: Record<string, unknown>, later: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    if (value === undefined) continue;
    const before = merged[key];
    merged[key] = isMap(before) && isMap(value) ? mergeMaps(before, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
