/** The `client` block of the agent's configuration: Nomad's names, durations as Go strings, sizes in their named units. */
export interface ClientConfig {
  node_class?: string | undefined;
  node_pool?: string | undefined;
  meta?: Record<string, string> | undefined;
  /** Free-form switches, e.g. `{"driver.raw_exec.enable": "true"}`. */
  options?: Record<string, string> | undefined;
  reserved?: { cpu?: number; cores?: string; memory?: number; disk?: number; reserved_ports?: string } | undefined;
  host_volume?: Record<string, { path: string; read_only?: boolean }> | undefined;
  /** Name of the interface whose addresses tasks get; by default the one of the default route. */
  network_interface?: string | undefined;
  /** MBit/s, where it cannot be found out. */
  network_speed?: number | undefined;
  /** MHz over all cores, where it cannot be found out. */
  cpu_total_compute?: number | undefined;
  memory_total_mb?: number | undefined;
  disk_total_mb?: number | undefined;
  min_dynamic_port?: number | undefined;
  max_dynamic_port?: number | undefined;
  /** Upper bound of any task's kill_timeout, "30s" by default. */
  max_kill_timeout?: string | undefined;
  /** How many directories of terminal allocations are kept, 50 by default. */
  gc_max_allocs?: number | undefined;
  alloc_dir?: string | undefined;
  state_dir?: string | undefined;
  /** The agent's `plugin` blocks by name, e.g. `{"raw_exec": {"config": {"enabled": true}}}`. */
  plugin?: Record<string, { config?: Record<string, unknown> }> | undefined;
}

export const DEFAULT_MAX_KILL_TIMEOUT_MS = 30_000;
export const DEFAULT_GC_MAX_ALLOCS = 50;
export const DEFAULT_MIN_DYNAMIC_PORT = 20_000;
export const DEFAULT_MAX_DYNAMIC_PORT = 32_000;

/** Whether a driver is switched on by `plugin` or, the older way, by `options`; undefined where neither says. */
export function driverEnabled(config: ClientConfig, driver: string): boolean | undefined {
  const fromPlugin = config.plugin?.[driver]?.config?.["enabled"];
  if (fromPlugin !== undefined) return fromPlugin === true || fromPlugin === "true";
  const fromOptions = config.options?.[`driver.${driver}.enable`];
  return fromOptions === undefined ? undefined : fromOptions === "true" || fromOptions === "1";
}
