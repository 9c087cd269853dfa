import { expect, test } from "@jest/globals";
import { type AllocatedResources, comparableResources } from "../src/index.js";

const task = (cpu: number, memory: number) => ({
  Cpu: { CpuShares: cpu, ReservedCores: null },
  Memory: { MemoryMB: memory, MemoryMaxMB: 0 },
  Networks: null,
  Devices: null,
});

test("main tasks add up; a prestart hook counts only as far as it exceeds them", () => {
  const resources: AllocatedResources = {
    Tasks: { a: task(100, 50), b: task(200, 60), init: task(50, 500) },
    TaskLifecycles: { a: null, b: null, init: { Hook: "prestart", Sidecar: false } },
    Shared: { Networks: null, DiskMB: 20, Ports: [{ Label: "http", Value: 20000, HostIP: "127.0.0.1" }] },
  };
  expect(comparableResources({ AllocatedResources: resources })).toEqual({
    cpuShares: 300,
    memoryMB: 500,
    memoryMaxMB: 500,
    diskMB: 20,
    cores: [],
    ports: [{ Label: "http", Value: 20000, HostIP: "127.0.0.1" }],
  });
});
