import type { Random } from "@steppe/shared";
import type { NetworkResource, Node, Port, TaskGroup } from "@steppe/structs";

/** A port that a group asks for; `value` is 0 when any free port will do. */
export interface PortRequest {
  readonly label: string;
  readonly value: number;
  readonly to: number;
  readonly hostNetwork: string;
  /** The task whose own network asks (deprecated form), or "" for the group's network. */
  readonly task: string;
}

/** A port that was given: a request with its value and address. */
export interface PortGrant {
  readonly request: PortRequest;
  readonly value: number;
  readonly address: string;
}

/** What a node has to offer: addresses by host network, the range for dynamic ports, and ports that nobody gets. */
export interface NodePorts {
  readonly addressByNetwork: ReadonlyMap<string, string>;
  readonly minDynamicPort: number;
  readonly maxDynamicPort: number;
  readonly reserved: ReadonlySet<number>;
}

export const MIN_DYNAMIC_PORT = 20000;
export const MAX_DYNAMIC_PORT = 32000;
/** A reserved range in a node's configuration is cut off here, so that a hostile node cannot cost memory. */
const MAX_PORT = 65535;

/** All ports that a group's allocation needs, reserved ones first: a dynamic choice must not take what a reserved one wants. */
export function portRequests(group: TaskGroup): PortRequest[] {
  const requests: PortRequest[] = [];
  collect(group.Networks, "", requests);
  for (const task of group.Tasks) collect(task.Resources.Networks, task.Name, requests);
  return requests.sort((a, b) => Number(a.value === 0) - Number(b.value === 0));
}

function collect(networks: readonly NetworkResource[] | null | undefined, task: string, into: PortRequest[]): void {
  for (const network of networks ?? []) {
    for (const port of network.ReservedPorts ?? []) into.push(request(port, port.Value ?? 0, task));
    for (const port of network.DynamicPorts ?? []) into.push(request(port, 0, task));
  }
}

function request(port: Port, value: number, task: string): PortRequest {
  return { label: port.Label, value, to: port.To ?? 0, hostNetwork: port.HostNetwork || "default", task };
}

/** Reads a node's addresses and port ranges. */
export function nodePorts(node: Node): NodePorts {
  const resources = node.NodeResources;
  const addressByNetwork = new Map<string, string>();
  const reserved = parsePorts(node.ReservedResources?.Networks?.ReservedHostPorts ?? "");
  for (const network of resources?.NodeNetworks ?? []) {
    for (const address of network.Addresses ?? []) {
      const alias = address.Alias || "default";
      if (!addressByNetwork.has(alias)) addressByNetwork.set(alias, address.Address);
      for (const port of parsePorts(address.ReservedPorts ?? "")) reserved.add(port);
    }
  }
  if (!addressByNetwork.has("default")) {
    const address = (resources?.Networks ?? []).find((network) => network.IP)?.IP;
    if (address) addressByNetwork.set("default", address);
  }
  return {
    addressByNetwork,
    minDynamicPort: resources?.MinDynamicPort || MIN_DYNAMIC_PORT,
    maxDynamicPort: resources?.MaxDynamicPort || MAX_DYNAMIC_PORT,
    reserved,
  };
}

/** `22,80,8000-8100` as a set; parts that do not parse are skipped. */
function parsePorts(text: string): Set<number> {
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), MAX_PORT);
    for (let port = Number(match[1]); port <= last; port++) ports.add(port);
  }
  return ports;
}

/**
 * Chooses a port for every request, or says which dimension is exhausted (in Nomad's words). `used` holds the ports in use on
 * the node and is not changed. Dynamic ports are searched from a random start, so that a freed port is not reused at once.
 */
export function assignPorts(
  requests: readonly PortRequest[],
  node: NodePorts,
  used: ReadonlySet<number> | undefined,
  random: Random,
): PortGrant[] | string {
  const grants: PortGrant[] = [];
  const taken = new Set<number>();
  for (const request of requests) {
    const address = node.addressByNetwork.get(request.hostNetwork);
    if (address === undefined)
      return `network: missing host network "${request.hostNetwork}" for port "${request.label}"`;
    const busy = (port: number): boolean => node.reserved.has(port) || taken.has(port) || (used?.has(port) ?? false);
    const value = request.value === 0 ? freePort(node, busy, random) : request.value;
    if (value === undefined) return "network: dynamic port selection failed";
    if (request.value !== 0 && busy(value)) return `network: reserved port collision ${request.label}=${value}`;
    taken.add(value);
    grants.push({ request, value, address });
  }
  return grants;
}

function freePort(node: NodePorts, busy: (port: number) => boolean, random: Random): number | undefined {
  const size = node.maxDynamicPort - node.minDynamicPort + 1;
  if (size <= 0) return undefined;
  const start = Math.floor(random.next() * size);
  for (let i = 0; i < size; i++) {
    const port = node.minDynamicPort + ((start + i) % size);
    if (!busy(port)) return port;
  }
  return undefined;
}
