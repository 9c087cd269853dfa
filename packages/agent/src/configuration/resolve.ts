import { hostname, networkInterfaces } from "node:os";

import { defineErrors, must, parseDuration } from "@steppe/shared";

import type { ConfigurationFile } from "./schema.js";

const errors = defineErrors({
  noRole: {
    message:
      'The agent is neither server nor client: set "server": {"enabled": true} or "client": {"enabled": true}, or use -dev',
  },
  noDataDirectory: { message: 'Set "data_dir" to the directory where the agent keeps its state (or use -dev)' },
  noServers: { message: 'A client needs servers to talk to: set "client": {"servers": ["HOST:4646"]}' },
  noAddress: { message: 'The address to advertise is unknown: "bind_addr" is {host}, so set "advertise"' },
});

/** What the rest of the agent reads: every value present, durations in milliseconds, addresses as `host:port`. */
export interface Configuration {
  readonly devMode: boolean;
  readonly name: string;
  readonly region: string;
  readonly datacenter: string;
  readonly dataDir: string;
  readonly logLevel: string;
  readonly logJson: boolean;
  readonly logFile: string | undefined;
  readonly bind: Readonly<Record<Listener, { host: string; port: number }>>;
  readonly advertise: Readonly<Record<Listener, string>>;
  readonly leaveOnInterrupt: boolean;
  readonly leaveOnTerminate: boolean;
  readonly enableDebug: boolean;
  readonly server: ServerConfiguration | undefined;
  readonly client: ClientConfiguration | undefined;
  readonly acl: { readonly enabled: boolean };
  readonly telemetry: { readonly prometheusMetrics: boolean };
  readonly limits: { readonly httpMaxConnectionsPerClient: number };
  /** The file as it was read, for `/v1/agent/self`. */
  readonly file: ConfigurationFile;
}

export type Listener = "http" | "rpc" | "serf";

export interface ServerConfiguration {
  readonly bootstrapExpect: number;
  readonly retryJoin: readonly string[];
  readonly retryIntervalMs: number;
  /** Raft's timers are multiplied by it: 1 is the default, more suits slow machines. */
  readonly raftMultiplier: number;
  readonly snapshotThreshold: number;
  readonly trailingLogs: number;
  readonly heartbeatGraceMs: number;
  readonly minHeartbeatTtlMs: number;
  readonly maxHeartbeatsPerSecond: number;
  readonly failoverHeartbeatTtlMs: number;
  readonly nodeGcThresholdMs: number;
  readonly jobGcIntervalMs: number;
  readonly jobGcThresholdMs: number;
  readonly evalGcThresholdMs: number;
  readonly batchEvalGcThresholdMs: number;
  readonly deploymentGcThresholdMs: number;
  readonly leaderWaitMs: number;
}

export interface ClientConfiguration {
  /** `host:port` of servers; HTTP and RPC ports are both understood. Empty where the same process is a server. */
  readonly servers: readonly string[];
  readonly nodeClass: string;
  readonly nodePool: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly file: NonNullable<ConfigurationFile["client"]>;
}

const DEFAULT_PORTS: Record<Listener, number> = { http: 4646, rpc: 4647, serf: 4648 };

/** Fills in the defaults; `dataDir` is where a development agent keeps its state. */
export function resolveConfiguration(file: ConfigurationFile, mode: { dev: boolean; dataDir?: string }): Configuration {
  const isServer = mode.dev || file.server?.enabled === true;
  const isClient = mode.dev ? file.client?.enabled !== false : file.client?.enabled === true;
  if (!isServer && !isClient) throw errors.noRole();
  const dataDir = file.data_dir ?? mode.dataDir;
  if (dataDir === undefined) throw errors.noDataDirectory();
  if (isClient && !isServer && clientServers(file).length === 0) throw errors.noServers();
  const bindHost = file.bind_addr ?? (mode.dev ? "127.0.0.1" : "0.0.0.0");
  const bind = forEachListener((listener) => ({
    host: file.addresses?.[listener] ?? bindHost,
    port: file.ports?.[listener] ?? DEFAULT_PORTS[listener],
  }));
  return {
    devMode: mode.dev,
    name: file.name ?? hostname(),
    region: file.region ?? "global",
    datacenter: file.datacenter ?? "dc1",
    dataDir,
    logLevel: (file.log_level ?? "INFO").toUpperCase(),
    logJson: file.log_json ?? false,
    logFile: file.log_file,
    bind,
    advertise: forEachListener((listener) => advertised(file, listener, bind[listener])),
    leaveOnInterrupt: file.leave_on_interrupt ?? false,
    leaveOnTerminate: file.leave_on_terminate ?? false,
    enableDebug: file.enable_debug ?? mode.dev,
    server: isServer ? resolveServer(file, mode.dev) : undefined,
    client: isClient ? resolveClient(file, mode.dev) : undefined,
    acl: { enabled: file.acl?.enabled ?? false },
    telemetry: { prometheusMetrics: file.telemetry?.prometheus_metrics ?? true },
    limits: { httpMaxConnectionsPerClient: file.limits?.http_max_conns_per_client ?? 0 },
    file,
  };
}

function forEachListener<T>(make: (listener: Listener) => T): Record<Listener, T> {
  return { http: make("http"), rpc: make("rpc"), serf: make("serf") };
}

function advertised(file: ConfigurationFile, listener: Listener, bind: { host: string; port: number }): string {
  const given = file.advertise?.[listener];
  if (given !== undefined) return /:\d+$/.test(given) ? given : `${given}:${bind.port}`;
  const host = bind.host === "0.0.0.0" || bind.host === "::" ? firstAddress() : bind.host;
  if (host === undefined) throw errors.noAddress({ host: bind.host });
  return `${host}:${bind.port}`;
}

/** The first address of this machine that others can reach; names of interfaces in order, so that restarts agree. */
function firstAddress(): string | undefined {
  const interfaces = networkInterfaces();
  for (const name of Object.keys(interfaces).sort()) {
    const found = interfaces[name]?.find((address) => address.family === "IPv4" && !address.internal);
    if (found) return found.address;
  }
  return undefined;
}

function resolveServer(file: ConfigurationFile, dev: boolean): ServerConfiguration {
  const server = file.server ?? {};
  const join = server.server_join ?? {};
  const serfPort = String(file.ports?.serf ?? DEFAULT_PORTS.serf);
  const retryJoin = [join.retry_join, join.start_join, server.retry_join, server.start_join].flatMap(
    (list) => list ?? [],
  );
  return {
    bootstrapExpect: dev ? 1 : (server.bootstrap_expect ?? 0),
    retryJoin: retryJoin.map((address) => (/:\d+$/.test(address) ? address : `${address}:${serfPort}`)),
    retryIntervalMs: durationMs(join.retry_interval ?? server.retry_interval, "30s"),
    raftMultiplier: server.raft_multiplier ?? 1,
    snapshotThreshold: server.raft_snapshot_threshold ?? 8192,
    trailingLogs: server.raft_trailing_logs ?? 10240,
    heartbeatGraceMs: durationMs(server.heartbeat_grace, "10s"),
    minHeartbeatTtlMs: durationMs(server.min_heartbeat_ttl, "10s"),
    maxHeartbeatsPerSecond: server.max_heartbeats_per_second ?? 50,
    failoverHeartbeatTtlMs: durationMs(server.failover_heartbeat_ttl, "5m"),
    nodeGcThresholdMs: durationMs(server.node_gc_threshold, "24h"),
    jobGcIntervalMs: durationMs(server.job_gc_interval, "5m"),
    jobGcThresholdMs: durationMs(server.job_gc_threshold, "4h"),
    evalGcThresholdMs: durationMs(server.eval_gc_threshold, "1h"),
    batchEvalGcThresholdMs: durationMs(server.batch_eval_gc_threshold, "24h"),
    deploymentGcThresholdMs: durationMs(server.deployment_gc_threshold, "1h"),
    leaderWaitMs: durationMs(server.leader_wait, "5s"),
  };
}

function clientServers(file: ConfigurationFile): string[] {
  const client = file.client ?? {};
  const servers = [client.servers, client.server_join?.retry_join, client.server_join?.start_join].flatMap(
    (list) => list ?? [],
  );
  return servers.map((address) => (/:\d+$/.test(address) ? address : `${address}:${DEFAULT_PORTS.http}`));
}

function resolveClient(file: ConfigurationFile, dev: boolean): ClientConfiguration {
  const client = file.client ?? {};
  const texts = (map: Record<string, string | number | boolean> | undefined) =>
    Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, String(value)]));
  return {
    servers: clientServers(file),
    nodeClass: client.node_class ?? "",
    nodePool: client.node_pool ?? "default",
    meta: texts(client.meta),
    options: { ...(dev ? DEV_OPTIONS : {}), ...driverOptions(file.plugin), ...texts(client.options) },
    file: client,
  };
}

/** A development agent runs anything, as Nomad's does. */
const DEV_OPTIONS = { "driver.raw_exec.enable": "true", "driver.mock_driver.enable": "true" };

/** `"plugin": [{"raw_exec": [{"config": [{"enabled": true}]}]}]`, Nomad's way to switch drivers on, as client options. */
function driverOptions(plugin: unknown): Record<string, string> {
  const options: Record<string, string> = {};
  for (const entry of blocks(plugin)) {
    for (const [driver, body] of Object.entries(entry)) {
      for (const config of blocks(body).flatMap((part) => blocks(part["config"]))) {
        options[`driver.${driver}.enable`] =
          config["enabled"] === false || config["enabled"] === "false" ? "false" : "true";
      }
    }
  }
  return options;
}

/** A block, or a list of blocks, as HCL's two ways of writing JSON have it. */
function blocks(value: unknown): Record<string, unknown>[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item): item is Record<string, unknown> => typeof item === "object" && item !== null);
}

function durationMs(text: string | undefined, byDefault: string): number {
  return must(parseDuration(text ?? byDefault), "durations are checked when the file is read") / 1e6;
}
