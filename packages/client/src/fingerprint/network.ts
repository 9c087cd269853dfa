import { readFile } from "node:fs/promises";
import * as os from "node:os";

import type { NetworkResource, NodeNetwork } from "@steppe/structs";

export interface NetworkFingerprint {
  attributes: Record<string, string>;
  networks: NetworkResource[];
  nodeNetworks: NodeNetwork[];
}

const DEFAULT_MBITS = 1_000;

/**
 * Addresses of one interface, in host mode: the one that is configured, else the one of the default route, else any that leads
 * out of the machine, else loopback.
 */
export async function fingerprintNetwork(options: {
  interfaceName: string | undefined;
  speedMBits: number | undefined;
}): Promise<NetworkFingerprint> {
  const interfaces = os.networkInterfaces();
  const device = options.interfaceName || (await defaultInterface(interfaces));
  const mbits = options.speedMBits || (await linkSpeed(device)) || DEFAULT_MBITS;
  // Link-local addresses need a zone to be reached: they are of no use in a service's address.
  const found = (interfaces[device] ?? []).filter((address) => !/^fe80:/i.test(address.address));
  const addresses = found.sort((a, b) => Number(a.family === "IPv6") - Number(b.family === "IPv6"));
  return {
    attributes: addresses[0] ? { "unique.network.ip-address": addresses[0].address } : {},
    networks: addresses.map(({ address, family }) => ({
      Mode: "host",
      Device: device,
      CIDR: `${address}/${family === "IPv4" ? 32 : 128}`,
      IP: address,
      MBits: mbits,
    })),
    nodeNetworks: [
      {
        Mode: "host",
        Device: device,
        MacAddress: addresses[0]?.internal === false ? addresses[0].mac : "",
        Speed: mbits,
        Addresses: addresses.map(({ address, family }) => ({
          Family: family.toLowerCase(),
          Alias: "default",
          Address: address,
          ReservedPorts: "",
          Gateway: "",
        })),
      },
    ],
  };
}

async function defaultInterface(interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]>): Promise<string> {
  const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
  for (const line of routes.split("\n").slice(1)) {
    const [name, destination] = line.split("\t");
    if (name && destination === "00000000" && interfaces[name]) return name;
  }
  const names = Object.keys(interfaces);
  return names.find((name) => interfaces[name]?.some((address) => !address.internal)) ?? names[0] ?? "lo";
}

/** In MBit/s; undefined for loopback and virtual devices, which do not tell. */
async function linkSpeed(device: string): Promise<number | undefined> {
  const text = await readFile(`/sys/class/net/${device}/speed`, "utf8").catch(() => "");
  const speed = Number(text.trim());
  return speed > 0 ? speed : undefined;
}
