import type { Static } from "@sinclair/typebox";
import { any, bool, duration, int, list, map, omit, ptr, str, struct, uint } from "./schema.js";
import { LogConfigSchema } from "./task-parts.js";
import { ResourcesSchema } from "./resources.js";
import { WorkloadIdentitySchema } from "./identity.js";

export const CheckRestartSchema = struct("CheckRestart", {
  Limit: int(),
  Grace: duration(1e9),
  IgnoreWarnings: bool(),
});
export interface CheckRestart extends Static<typeof CheckRestartSchema> {}

/** A health check of a service. */
export const ServiceCheckSchema = struct("ServiceCheck", {
  Name: str(),
  Type: str(),
  Command: str(),
  Args: list(str()),
  Path: str(),
  Protocol: str(),
  PortLabel: str(),
  Expose: bool(),
  AddressMode: str(),
  Interval: duration(),
  Timeout: duration(),
  InitialStatus: str(),
  TLSServerName: str(),
  TLSSkipVerify: bool(),
  Method: str(),
  Header: map(list(str())),
  CheckRestart: ptr(CheckRestartSchema),
  GRPCService: str(),
  GRPCUseTLS: bool(),
  TaskName: str(),
  SuccessBeforePassing: int(),
  FailuresBeforeCritical: int(),
  FailuresBeforeWarning: int(),
  Body: str(),
  OnUpdate: str(),
  Notes: str(),
});
export interface ServiceCheck extends Static<typeof ServiceCheckSchema> {}

const MeshGatewaySchema = struct("ConsulMeshGateway", { Mode: str() });

export const UpstreamSchema = struct("ConsulUpstream", {
  DestinationName: str(),
  DestinationNamespace: str(),
  DestinationPeer: str(),
  DestinationPartition: str(),
  DestinationType: str(),
  LocalBindPort: int(),
  LocalBindSocketPath: str(),
  LocalBindSocketMode: str(),
  Datacenter: str(),
  LocalBindAddress: str(),
  MeshGateway: ptr(MeshGatewaySchema),
  Config: map(any()),
});

const ExposePathSchema = struct("ConsulExposePath", {
  Path: str(),
  Protocol: str(),
  LocalPathPort: int(),
  ListenerPort: str(),
});

export const SidecarProxySchema = struct("ConsulProxy", {
  LocalServiceAddress: str(),
  LocalServicePort: int(),
  Upstreams: list(UpstreamSchema),
  Expose: ptr(struct("ConsulExposeConfig", { Paths: list(ExposePathSchema) })),
  TransparentProxy: ptr(
    struct("ConsulTransparentProxy", {
      UID: str(),
      OutboundPort: int(),
      ExcludeInboundPorts: list(str()),
      ExcludeOutboundPorts: list(int()),
      ExcludeOutboundCIDRs: list(str()),
      ExcludeUIDs: list(str()),
      NoDNS: bool(),
    }),
  ),
  Config: map(any()),
});

const GatewayTLSSchema = struct("ConsulGatewayTLSConfig", {
  Enabled: bool(),
  TLSMinVersion: str(),
  TLSMaxVersion: str(),
  CipherSuites: list(str()),
  SDS: any(),
});

const IngressServiceSchema = struct("ConsulIngressService", {
  Name: str(),
  Hosts: list(str()),
  TLS: ptr(GatewayTLSSchema),
  RequestHeaders: any(),
  ResponseHeaders: any(),
  MaxConnections: ptr(uint()),
  MaxPendingRequests: ptr(uint()),
  MaxConcurrentRequests: ptr(uint()),
});

const IngressListenerSchema = struct("ConsulIngressListener", {
  Port: int(),
  Protocol: str(),
  Services: list(IngressServiceSchema),
});

const LinkedServiceSchema = struct("ConsulLinkedService", {
  Name: str(),
  CAFile: str(),
  CertFile: str(),
  KeyFile: str(),
  SNI: str(),
});

export const GatewaySchema = struct("ConsulGateway", {
  Proxy: ptr(
    struct("ConsulGatewayProxy", {
      ConnectTimeout: ptr(duration()),
      EnvoyGatewayBindTaggedAddresses: bool(),
      EnvoyGatewayBindAddresses: map(struct("ConsulGatewayBindAddress", { Address: str(), Port: int() })),
      EnvoyGatewayNoDefaultBind: bool(),
      EnvoyDNSDiscoveryType: str(),
      Config: map(any()),
    }),
  ),
  Ingress: ptr(
    struct("ConsulIngressConfigEntry", { TLS: ptr(GatewayTLSSchema), Listeners: list(IngressListenerSchema) }),
  ),
  Terminating: ptr(struct("ConsulTerminatingConfigEntry", { Services: list(LinkedServiceSchema) })),
  Mesh: ptr(struct("ConsulMeshConfigEntry", {})),
});

export const SidecarTaskSchema = struct("SidecarTask", {
  Name: str(),
  Driver: str(),
  User: str(),
  Config: map(any()),
  Env: map(str()),
  Resources: ptr(ResourcesSchema),
  Meta: map(str()),
  KillTimeout: ptr(duration()),
  LogConfig: ptr(LogConfigSchema),
  ShutdownDelay: ptr(duration()),
  KillSignal: str(),
  VolumeMounts: any(),
});

export const ConnectSchema = struct("ConsulConnect", {
  Native: bool(),
  SidecarService: ptr(
    struct("ConsulSidecarService", {
      Tags: list(str()),
      Port: str(),
      Proxy: ptr(SidecarProxySchema),
      DisableDefaultTCPCheck: bool(),
      Meta: map(str()),
    }),
  ),
  SidecarTask: ptr(SidecarTaskSchema),
  Gateway: ptr(GatewaySchema),
});
export interface Connect extends Static<typeof ConnectSchema> {}

/** A service that a group or a task registers. `CheckRestart` is read and handed to the checks; it is not stored. */
export const ServiceSchema = struct("Service", {
  Name: str(),
  TaskName: str(),
  PortLabel: str(),
  AddressMode: str("auto"),
  Address: str(),
  EnableTagOverride: bool(),
  Tags: list(str()),
  CanaryTags: list(str()),
  Checks: list(ServiceCheckSchema),
  Connect: ptr(ConnectSchema),
  Meta: map(str()),
  CanaryMeta: map(str()),
  Weights: ptr(struct("ServiceWeights", { Passing: int(1), Warning: int(1) })),
  TaggedAddresses: map(str()),
  Namespace: str(),
  OnUpdate: str("require_healthy"),
  Provider: str("consul"),
  Cluster: str("default"),
  Identity: ptr(WorkloadIdentitySchema),
  Kind: str(),
  CheckRestart: omit(ptr(CheckRestartSchema)),
});
export interface Service extends Static<typeof ServiceSchema> {}
