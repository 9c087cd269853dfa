import type { Configuration } from "./configuration/index.js";
import { NOMAD_VERSION } from "./version.js";

const SECOND_NS = 1e9;

/**
 * The configuration as `/v1/agent/self` shows it: the keys that Nomad's clients know, with the values in force. What
 * Steppe has no use for (Consul's and Vault's connections, Sentinel) shows the value that switches it off. No secret is in it.
 */
export function describeConfiguration(
  configuration: Configuration,
  paths: readonly string[] = [],
): Record<string, unknown> {
  const { bind, advertise, file } = configuration;
  const pascal = <T>(values: Readonly<Record<"http" | "rpc" | "serf", T>>) => ({
    HTTP: values.http,
    RPC: values.rpc,
    Serf: values.serf,
  });
  const forEach = <T>(pick: (address: { host: string; port: number }) => T) =>
    pascal({ http: pick(bind.http), rpc: pick(bind.rpc), serf: pick(bind.serf) });
  return {
    ...FIXED,
    ACL: { ...FIXED.ACL, Enabled: configuration.acl.enabled },
    Addresses: forEach(({ host }) => host),
    AdvertiseAddrs: pascal(advertise),
    BindAddr: file.bind_addr ?? bind.http.host,
    Client: describeClient(configuration),
    ConfigPaths: paths,
    DataDir: configuration.devMode ? "" : configuration.dataDir,
    Datacenter: configuration.datacenter,
    DevMode: configuration.devMode,
    DisableUpdateCheck: file.disable_update_check ?? false,
    EnableDebug: configuration.enableDebug,
    Files: paths,
    HTTPAPIResponseHeaders: file.http_api_response_headers ?? {},
    LeaveOnInt: configuration.leaveOnInterrupt,
    LeaveOnTerm: configuration.leaveOnTerminate,
    Limits: {
      HTTPMaxConnsPerClient: configuration.limits.httpMaxConnectionsPerClient,
      HTTPSHandshakeTimeout: "5s",
      RPCHandshakeTimeout: "5s",
      RPCMaxConnsPerClient: file.limits?.rpc_max_conns_per_client ?? 100,
    },
    LogFile: configuration.logFile ?? "",
    LogJson: configuration.logJson,
    LogLevel: configuration.logLevel,
    NodeName: configuration.name,
    Plugins: Array.isArray(file.plugin)
      ? file.plugin.flatMap((plugin: object) => Object.keys(plugin).map((Name) => ({ Name, Args: null, Config: {} })))
      : null,
    Ports: forEach(({ port }) => port),
    Region: configuration.region,
    Server: describeServer(configuration),
    Telemetry: { ...TELEMETRY, PrometheusMetrics: configuration.telemetry.prometheusMetrics },
    Version: { BuildDate: null, Revision: "", Version: NOMAD_VERSION, VersionMetadata: "", VersionPrerelease: "" },
  };
}

function joinBlock(retryJoin: readonly string[], retryIntervalMs: number) {
  return { RetryInterval: retryIntervalMs * 1e6, RetryJoin: retryJoin, RetryMaxAttempts: 0, StartJoin: null };
}

function describeServer({ server, file }: Configuration): Record<string, unknown> {
  const given = file.server ?? {};
  return {
    ...SERVER,
    AuthoritativeRegion: given.authoritative_region ?? "",
    BatchEvalGCThreshold: given.batch_eval_gc_threshold ?? "",
    BootstrapExpect: server?.bootstrapExpect ?? 0,
    DeploymentGCThreshold: given.deployment_gc_threshold ?? "",
    Enabled: server !== undefined,
    EvalGCThreshold: given.eval_gc_threshold ?? "",
    FailoverHeartbeatTTL: (server?.failoverHeartbeatTtlMs ?? 0) * 1e6,
    HeartbeatGrace: (server?.heartbeatGraceMs ?? 0) * 1e6,
    JobGCInterval: given.job_gc_interval ?? "",
    JobGCThreshold: given.job_gc_threshold ?? "",
    MaxHeartbeatsPerSecond: server?.maxHeartbeatsPerSecond ?? 0,
    MinHeartbeatTTL: (server?.minHeartbeatTtlMs ?? 0) * 1e6,
    NodeGCThreshold: given.node_gc_threshold ?? "",
    NumSchedulers: given.num_schedulers ?? null,
    RaftMultiplier: server?.raftMultiplier ?? null,
    RetryJoin: server?.retryJoin ?? [],
    ServerJoin: joinBlock(server?.retryJoin ?? [], server?.retryIntervalMs ?? 30_000),
  };
}

function describeClient({ client, devMode }: Configuration): Record<string, unknown> {
  const given = client?.file ?? {};
  const volumes = Object.entries(given.host_volume ?? {});
  return {
    ...CLIENT,
    CpuCompute: given.cpu_total_compute ?? 0,
    Enabled: client !== undefined,
    GCMaxAllocs: given.gc_max_allocs ?? 50,
    HostVolumes: volumes.map(([Name, volume]) => ({
      Name,
      Path: volume.path ?? "",
      ReadOnly: volume.read_only ?? false,
      ID: "",
    })),
    MaxDynamicPort: given.max_dynamic_port ?? 32000,
    MaxKillTimeout: given.max_kill_timeout ?? "30s",
    MemoryMB: given.memory_total_mb ?? 0,
    Meta: client?.meta ?? {},
    MinDynamicPort: given.min_dynamic_port ?? 20000,
    NetworkInterface: given.network_interface ?? (devMode ? "lo" : ""),
    NodeClass: client?.nodeClass ?? "",
    NodePool: client?.nodePool ?? "",
    Options: client?.options ?? {},
    Servers: client !== undefined && client.servers.length > 0 ? client.servers : null,
    ServerJoin: joinBlock([], 30_000),
  };
}

/** Sections without a value of their own: what Nomad shows where nothing is configured. */
const FIXED = {
  ACL: {
    Enabled: false,
    PolicyTTL: 30 * SECOND_NS,
    ReplicationToken: "",
    RoleTTL: 30 * SECOND_NS,
    TokenMaxExpirationTTL: 0,
    TokenMinExpirationTTL: 0,
    TokenTTL: 30 * SECOND_NS,
  },
  Audit: { Enabled: null, Filters: null, Sinks: null },
  Autopilot: {
    CleanupDeadServers: null,
    DisableUpgradeMigration: null,
    EnableCustomUpgrades: null,
    EnableRedundancyZones: null,
    LastContactThreshold: 0.2 * SECOND_NS,
    MaxTrailingLogs: 250,
    MinQuorum: 0,
    ServerStabilizationTime: 10 * SECOND_NS,
  },
  Consuls: [],
  DisableAnonymousSignature: true,
  EnableSyslog: false,
  Eventlog: { Enabled: false, Level: "error" },
  KEKProviders: null,
  LogIncludeLocation: false,
  LogRotateBytes: 0,
  LogRotateDuration: "",
  LogRotateMaxFiles: 0,
  PluginDir: "",
  RPC: {},
  Reporting: { DisableUsageReporting: null, ExportInterval: 0, License: { Enabled: null }, NonProduction: false },
  Sentinel: { AdditionalEnabledModules: null, Imports: null },
  SyslogFacility: "LOCAL0",
  TLSConfig: {
    CAFile: "",
    CertFile: "",
    Checksum: "",
    EnableHTTP: false,
    EnableRPC: false,
    KeyFile: "",
    KeyLoader: {},
    RPCUpgradeMode: false,
    TLSCipherSuites: "",
    TLSMinVersion: "",
    VerifyHTTPSClient: false,
    VerifyServerHostname: false,
  },
  UI: { Enabled: true, Label: { BackgroundColor: "", Text: "", TextColor: "" }, ShowCLIHints: true },
  Vaults: [],
};

const SERVER = {
  ACLTokenGCThreshold: "",
  CSIPluginGCThreshold: "",
  CSIVolumeClaimGCInterval: "",
  CSIVolumeClaimGCThreshold: "",
  DataDir: "",
  DefaultSchedulerConfig: null,
  EnableEventBroker: true,
  EnabledSchedulers: null,
  EventBufferSize: 100,
  JobDefaultPriority: null,
  JobMaxPriority: null,
  JobMaxSourceSize: "1M",
  JobTrackedVersions: 6,
  NonVotingServer: false,
  OIDCIssuer: "",
  PlanRejectionTracker: { Enabled: false, NodeThreshold: 100, NodeWindow: 300 * SECOND_NS },
  RaftProtocol: 3,
  RaftSnapshotInterval: null,
  RaftSnapshotThreshold: null,
  RaftTrailingLogs: null,
  RedundancyZone: "",
  RejoinAfterLeave: false,
  RetryInterval: 0,
  RetryMaxAttempts: 0,
  RootKeyGCInterval: "",
  RootKeyGCThreshold: "",
  RootKeyRotationThreshold: "",
  Search: { FuzzyEnabled: true, LimitQuery: 20, LimitResults: 100, MinTermLength: 2 },
  StartJoin: [],
  UpgradeVersion: "",
};

const CLIENT = {
  AllocDir: "",
  AllocMountsDir: "",
  BindWildcardDefaultHostNetwork: true,
  BridgeNetworkName: "",
  BridgeNetworkSubnet: "",
  CgroupParent: "",
  ChrootEnv: {},
  DisableRemoteExec: false,
  DiskFreeMB: 0,
  DiskTotalMB: 0,
  Drain: null,
  Fingerprinters: [],
  GCDiskUsageThreshold: 99,
  GCInodeUsageThreshold: 99,
  GCInterval: 600 * SECOND_NS,
  GCParallelDestroys: 2,
  HostNetworks: null,
  HostVolumesDir: "",
  NetworkSpeed: 0,
  NoHostUUID: true,
  NodeMaxAllocs: 0,
  NomadServiceDiscovery: true,
  ReservableCores: "",
  Reserved: { CPU: 0, Cores: "", DiskMB: 0, MemoryMB: 0, ReservedPorts: "" },
  StateDir: "",
};

const TELEMETRY = {
  AllowedMetadataKeysInMetrics: [],
  CollectionInterval: "1s",
  DataDogAddr: "",
  DataDogTags: null,
  DisableDispatchedJobSummaryMetrics: false,
  DisableHostname: false,
  FilterDefault: null,
  InMemoryCollectionInterval: "10s",
  InMemoryRetentionPeriod: "1m",
  IncludeAllocMetadataInMetrics: true,
  PrefixFilter: null,
  PublishAllocationMetrics: true,
  PublishNodeMetrics: true,
  StatsdAddr: "",
  StatsiteAddr: "",
  UseNodeName: false,
};
