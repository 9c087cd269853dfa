import type { NetworkResource } from "./network.js";

/** Ports are on the network `default` unless told; an interface name and legacy bandwidth are kept as they came. */
export function canonicalNetwork(network: NetworkResource): void {
  for (const port of network.DynamicPorts ?? []) port.HostNetwork ||= "default";
  for (const port of network.ReservedPorts ?? []) port.HostNetwork ||= "default";
}
