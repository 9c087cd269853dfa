import type { Static } from "@sinclair/typebox";
import { bool, int, list, map, omit, ptr, str, struct } from "./schema.js";

/** A port that a group or task asks for, or (`Value` set) has been given. `To` is the port inside of the network namespace. */
export const PortSchema = struct("Port", {
  Label: str(),
  Value: omit(int()),
  To: omit(int()),
  HostNetwork: omit(str()),
  IgnoreCollision: omit(bool()),
});
export interface Port extends Static<typeof PortSchema> {}

export const DNSConfigSchema = struct("DNSConfig", {
  Servers: omit(list(str())),
  Searches: omit(list(str())),
  Options: omit(list(str())),
});
export interface DNSConfig extends Static<typeof DNSConfigSchema> {}

/** A network that a group or task asks for, or that a node or an allocation has. */
export const NetworkResourceSchema = struct("NetworkResource", {
  Mode: omit(str()),
  Device: omit(str()),
  CIDR: omit(str()),
  IP: omit(str()),
  Hostname: omit(str()),
  MBits: omit(int()),
  DNS: omit(ptr(DNSConfigSchema)),
  ReservedPorts: omit(list(PortSchema)),
  DynamicPorts: omit(list(PortSchema)),
  CNI: omit(ptr(struct("CNIConfig", { Args: map(str()) }))),
});
export interface NetworkResource extends Static<typeof NetworkResourceSchema> {}

/** A port that an allocation holds. */
export const AllocatedPortSchema = struct("AllocatedPortMapping", {
  Label: str(),
  Value: int(),
  To: omit(int()),
  HostIP: str(),
  HostNetwork: omit(str()),
  IgnoreCollision: omit(bool()),
});
export interface AllocatedPort extends Static<typeof AllocatedPortSchema> {}
