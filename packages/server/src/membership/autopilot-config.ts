import { formatDuration, parseDuration } from "@steppe/shared";
import type { ReadView } from "@steppe/state";

/** How the leader looks after the servers, as `/v1/operator/autopilot/configuration` has it: durations are Go's texts. */
export interface AutopilotConfig {
  /** A server that was silent for longer than this is not healthy. */
  readonly LastContactThreshold: string;
  /** For how long a server must be healthy before it gets a vote, and must have failed before it is removed. */
  readonly ServerStabilizationTime: string;
  readonly CleanupDeadServers: boolean;
  /** A server whose log is further behind the leader's is not healthy. */
  readonly MaxTrailingLogs: number;
  /** Dead servers are not removed where fewer voters than this would be left. */
  readonly MinQuorum: number;
  readonly EnableRedundancyZones: boolean;
  readonly DisableUpgradeMigration: boolean;
  readonly EnableCustomUpgrades: boolean;
}

export const DEFAULT_AUTOPILOT_CONFIG: AutopilotConfig = Object.freeze({
  LastContactThreshold: "200ms",
  ServerStabilizationTime: "10s",
  CleanupDeadServers: true,
  MaxTrailingLogs: 250,
  MinQuorum: 0,
  EnableRedundancyZones: false,
  DisableUpgradeMigration: false,
  EnableCustomUpgrades: false,
});

/** The key of the configuration in table `meta`. */
export const AUTOPILOT_KEY = "autopilot";

/** The configuration in force, with the indexes of its row; these are 0 where it was never set. */
export function autopilotConfig(
  view: Pick<ReadView, "get">,
): AutopilotConfig & { readonly CreateIndex: number; readonly ModifyIndex: number } {
  const row = view.get("meta", AUTOPILOT_KEY);
  return {
    ...DEFAULT_AUTOPILOT_CONFIG,
    ...(row?.Value as Partial<AutopilotConfig> | undefined),
    CreateIndex: row?.CreateIndex ?? 0,
    ModifyIndex: row?.ModifyIndex ?? 0,
  };
}

/**
 * Reads what a client sent; keys in any case, what is absent stays as it is, unknown keys are ignored. A duration may be a number of
 * nanoseconds. Throws RangeError that says which field is wrong.
 */
export function changedAutopilotConfig(current: AutopilotConfig, input: unknown): AutopilotConfig {
  if (typeof input !== "object" || input === null || Array.isArray(input)) throw new RangeError("it must be an object");
  const given = new Map(Object.entries(input).map(([key, value]) => [key.toLowerCase(), value as unknown]));
  const fields = Object.keys(DEFAULT_AUTOPILOT_CONFIG) as (keyof AutopilotConfig)[];
  const config: Record<string, unknown> = {};
  for (const field of fields) {
    const value = given.get(field.toLowerCase());
    config[field] = value === undefined || value === null ? current[field] : checked(field, value);
  }
  return config as unknown as AutopilotConfig;
}

const DURATIONS: ReadonlySet<string> = new Set(["LastContactThreshold", "ServerStabilizationTime"]);

function checked(field: keyof AutopilotConfig, value: unknown): unknown {
  if (DURATIONS.has(field)) {
    const ns = typeof value === "string" ? parseDuration(value) : value;
    if (typeof ns !== "number" || !Number.isFinite(ns) || ns < 0)
      throw new RangeError(`${field}: invalid duration ${JSON.stringify(value)}`);
    return formatDuration(ns);
  }
  const expected = typeof DEFAULT_AUTOPILOT_CONFIG[field];
  if (typeof value !== expected) throw new RangeError(`${field}: expected a ${expected}`);
  if (expected === "number" && (!Number.isSafeInteger(value) || (value as number) < 0))
    throw new RangeError(`${field}: expected a whole number that is not negative`);
  return value;
}

/** A duration of a configuration, in milliseconds. */
export function durationMs(text: string): number {
  return (parseDuration(text) ?? 0) / 1e6;
}
