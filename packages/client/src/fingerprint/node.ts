import { type Node, NodeEligibility, NodeStatus } from "@steppe/structs";

import { type ClientConfig, DEFAULT_MAX_DYNAMIC_PORT, DEFAULT_MIN_DYNAMIC_PORT } from "../config.js";
import type { Driver } from "../drivers/driver.js";
import type { NodeIdentity } from "../identity.js";
import { computedClass } from "./computed-class.js";
import { fingerprintHost, type HostFingerprint } from "./host.js";
import { fingerprintNetwork } from "./network.js";

export interface NodeDescription {
  config: ClientConfig;
  identity: NodeIdentity;
  name: string;
  datacenter: string;
  /** `host:port` of this agent's HTTP server. */
  httpAddress: string;
  tlsEnabled: boolean;
  /** Versions by product, e.g. `{nomad: "1.10.5", steppe: "0.1.0"}`. */
  versions: Readonly<Record<string, string>>;
  allocationsDirectory: string;
  drivers: ReadonlyMap<string, Driver>;
  nowMs: number;
}

/** Finds out about the machine and assembles the node's row. Its indexes are the servers' business. */
export async function fingerprintNode(description: NodeDescription): Promise<Node> {
  const { config, identity } = description;
  const host = await fingerprintHost(description.allocationsDirectory);
  const network = await fingerprintNetwork({
    interfaceName: config.network_interface,
    speedMBits: config.network_speed,
  });
  const drivers = await fingerprintDrivers(description);
  const totalMHz = config.cpu_total_compute || host.cores * host.coreMHz;
  const reservedMHz = config.reserved?.cpu ?? 0;
  const attributes: Record<string, string> = {
    ...host.attributes,
    ...network.attributes,
    ...drivers.attributes,
    "cpu.totalcompute": String(totalMHz),
    "cpu.usablecompute": String(Math.max(0, totalMHz - reservedMHz)),
    "nomad.service_discovery": "true",
    "unique.advertise.address": description.httpAddress,
  };
  for (const [product, version] of Object.entries(description.versions)) attributes[`${product}.version`] = version;
  const row = {
    Attributes: attributes,
    Datacenter: description.datacenter,
    HostVolumes: hostVolumes(config),
    Meta: { ...config.meta },
    NodeClass: config.node_class ?? "",
    NodePool: config.node_pool || "default",
  };
  return {
    ...row,
    CSIControllerPlugins: {},
    CSINodePlugins: {},
    CgroupParent: "",
    ComputedClass: computedClass(row),
    CreateIndex: 0,
    Drain: false,
    DrainStrategy: null,
    Drivers: drivers.infos,
    Events: [],
    GCVolumesOnNodeGC: false,
    HTTPAddr: description.httpAddress,
    HostNetworks: null,
    ID: identity.nodeId,
    IdentitySigningKeyID: "",
    LastAllocUpdateIndex: 0,
    LastDrain: null,
    LastMissedHeartbeatIndex: 0,
    Links: {},
    ModifyIndex: 0,
    Name: description.name,
    NodeMaxAllocs: 0,
    NodeResources: nodeResources(config, host, totalMHz, network),
    ReservedResources: reservedResources(config),
    SchedulingEligibility: NodeEligibility.eligible,
    SecretID: identity.secretId,
    Status: NodeStatus.initializing,
    StatusDescription: "",
    StatusUpdatedAt: 0,
    TLSEnabled: description.tlsEnabled,
  };
}

async function fingerprintDrivers(description: NodeDescription): Promise<{
  attributes: Record<string, string>;
  infos: Node["Drivers"];
}> {
  const attributes: Record<string, string> = {};
  const infos: Node["Drivers"] = {};
  for (const driver of description.drivers.values()) {
    const found = await driver.fingerprint();
    infos[driver.name] = {
      Attributes: found.attributes,
      Detected: found.detected,
      Healthy: found.healthy,
      HealthDescription: found.description,
      UpdateTime: new Date(description.nowMs).toISOString(),
    };
    if (found.detected && found.healthy) attributes[`driver.${driver.name}`] = "1";
    for (const [key, value] of Object.entries(found.attributes)) {
      if (key !== `driver.${driver.name}`) attributes[key] = value;
    }
  }
  return { attributes, infos };
}

function nodeResources(
  config: ClientConfig,
  host: HostFingerprint,
  totalMHz: number,
  network: Awaited<ReturnType<typeof fingerprintNetwork>>,
): Node["NodeResources"] {
  const coreIds = Array.from({ length: host.cores }, (_, id) => id);
  return {
    Cpu: { CpuShares: totalMHz, TotalCpuCores: host.cores, ReservableCpuCores: coreIds },
    Processors: {
      Topology: {
        Cores: coreIds.map((id) => ({
          BaseSpeed: host.coreMHz,
          Disable: false,
          Grade: true,
          GuessSpeed: 0,
          ID: id,
          MaxSpeed: 0,
          NodeID: 0,
          SocketID: 0,
        })),
        Distances: null,
        Nodes: [0],
        OverrideTotalCompute: config.cpu_total_compute ?? 0,
        OverrideWitholdCompute: 0,
      },
    },
    Memory: { MemoryMB: config.memory_total_mb || host.memoryMB },
    Disk: { DiskMB: config.disk_total_mb || host.diskMB },
    Devices: null,
    NodeNetworks: network.nodeNetworks,
    Networks: network.networks,
    MinDynamicPort: config.min_dynamic_port || DEFAULT_MIN_DYNAMIC_PORT,
    MaxDynamicPort: config.max_dynamic_port || DEFAULT_MAX_DYNAMIC_PORT,
  };
}

function reservedResources(config: ClientConfig): Node["ReservedResources"] {
  const reserved = config.reserved ?? {};
  const cores = parseRanges(reserved.cores ?? "");
  return {
    Cpu: { CpuShares: reserved.cpu ?? 0, ReservedCpuCores: cores.length > 0 ? cores : null },
    Memory: { MemoryMB: reserved.memory ?? 0 },
    Disk: { DiskMB: reserved.disk ?? 0 },
    Networks: { ReservedHostPorts: reserved.reserved_ports ?? "" },
  };
}

/** `0-2,7` -> [0, 1, 2, 7]. */
function parseRanges(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.split(",").filter((item) => item.trim() !== "")) {
    const [first, last] = part.split("-").map(Number);
    for (let n = first ?? 0; n <= (last ?? first ?? -1); n++) numbers.push(n);
  }
  return numbers;
}

function hostVolumes(config: ClientConfig): Node["HostVolumes"] {
  const entries = Object.entries(config.host_volume ?? {});
  if (entries.length === 0) return null;
  return Object.fromEntries(
    entries.map(([name, volume]) => [
      name,
      { Name: name, Path: volume.path, ReadOnly: volume.read_only ?? false, ID: "" },
    ]),
  );
}
