import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import { createDrivers } from "../../src/drivers/index.js";
import { computedClass } from "../../src/fingerprint/computed-class.js";
import { fingerprintNode } from "../../src/fingerprint/node.js";
import { quietLogger, removeTemporaryDirectories, temporaryDirectory } from "../fixtures.js";

afterEach(removeTemporaryDirectories);

test("a node's row has what jobs ask for", async () => {
  const config = {
    network_interface: "lo",
    cpu_total_compute: 4000,
    memory_total_mb: 1000,
    node_class: "big",
    meta: { rack: "r1" },
    reserved: { cpu: 500, cores: "0-1", memory: 10, disk: 20, reserved_ports: "22,80-90" },
    host_volume: { hv1: { path: "/srv/hv1" } },
    options: { "driver.raw_exec.enable": "true" },
  };
  const node = await fingerprintNode({
    config,
    identity: { nodeId: "id", secretId: "secret" },
    name: "n1",
    datacenter: "dc1",
    httpAddress: "127.0.0.1:4646",
    tlsEnabled: false,
    versions: { nomad: "1.10.5", steppe: "0.1.0" },
    allocationsDirectory: await temporaryDirectory(),
    drivers: createDrivers({ config, devMode: false, clock: systemClock, logger: quietLogger }),
    nowMs: 0,
  });
  expect(node.Attributes).toMatchObject({
    "kernel.name": "linux",
    "driver.raw_exec": "1",
    "driver.mock_driver": "1",
    "cpu.totalcompute": "4000",
    "cpu.usablecompute": "3500",
    "nomad.version": "1.10.5",
    "steppe.version": "0.1.0",
    "unique.network.ip-address": "127.0.0.1",
  });
  expect(Object.values(node.Attributes).every((value) => typeof value === "string")).toBe(true);
  expect(node.NodeResources).toMatchObject({
    Cpu: { CpuShares: 4000 },
    Memory: { MemoryMB: 1000 },
    MinDynamicPort: 20000,
    MaxDynamicPort: 32000,
  });
  expect(node.NodeResources.Networks?.[0]).toEqual({
    Mode: "host",
    Device: "lo",
    CIDR: "127.0.0.1/32",
    IP: "127.0.0.1",
    MBits: 1000,
  });
  expect(node.NodeResources.NodeNetworks?.[0]?.Addresses?.[0]).toMatchObject({ Family: "ipv4", Alias: "default" });
  expect(node.ReservedResources).toEqual({
    Cpu: { CpuShares: 500, ReservedCpuCores: [0, 1] },
    Memory: { MemoryMB: 10 },
    Disk: { DiskMB: 20 },
    Networks: { ReservedHostPorts: "22,80-90" },
  });
  expect(node.HostVolumes).toEqual({ hv1: { Name: "hv1", Path: "/srv/hv1", ReadOnly: false, ID: "" } });
  expect(node.ComputedClass).toMatch(/^v1:\d+$/);
  expect(node.Drivers["raw_exec"]).toMatchObject({ Detected: true, Healthy: true });
});

test("nodes that differ only in what is unique to them are of one class", () => {
  const base = { Datacenter: "dc1", NodeClass: "", NodePool: "default", Meta: {}, HostVolumes: null };
  const of = (Attributes: Record<string, string>, Meta = {}): string => computedClass({ ...base, Attributes, Meta });
  expect(of({ a: "1", "unique.b": "2" })).toBe(of({ "unique.b": "3", a: "1" }));
  expect(of({ a: "1" })).not.toBe(of({ a: "2" }));
  expect(of({ a: "1" }, { rack: "r1" })).not.toBe(of({ a: "1" }));
});
