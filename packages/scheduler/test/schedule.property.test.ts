import { describe, expect, test } from "@jest/globals";
import type { Allocation, Job, Node } from "@steppe/structs";
import { terminalStatus } from "@steppe/structs";
import fc from "fast-check";
import { constraintHolds } from "../src/index.js";
import { makeJob, makeNode, TestState } from "./fixtures.js";

const CLASSES = ["linux", "plan9"];

const nodeSpec = fc.record({
  cpu: fc.integer({ min: 100, max: 3000 }),
  memoryMB: fc.integer({ min: 64, max: 2048 }),
  kernel: fc.constantFrom(...CLASSES),
  rack: fc.constantFrom("a", "b", "c"),
  up: fc.boolean(),
});
const jobSpec = fc.record({
  id: fc.constantFrom("one", "two", "three"),
  type: fc.constantFrom("service", "batch", "system"),
  count: fc.integer({ min: 0, max: 12 }),
  cpu: fc.integer({ min: 10, max: 900 }),
  memoryMB: fc.integer({ min: 10, max: 600 }),
  kernel: fc.constantFrom(undefined, ...CLASSES),
  distinct: fc.constantFrom(undefined, "distinct_hosts", "distinct_property"),
  port: fc.constantFrom(undefined, 8080, 0),
});
type JobSpec = typeof jobSpec extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  fc.record({ kind: fc.constant("job" as const), job: jobSpec }),
  fc.record({ kind: fc.constant("down" as const), node: fc.nat(20) }),
  fc.record({ kind: fc.constant("fail" as const), alloc: fc.nat(20) }),
  fc.record({ kind: fc.constant("finish" as const), alloc: fc.nat(20) }),
);

function jobOf({ id, type, count, cpu, memoryMB, kernel, distinct, port }: JobSpec): Job {
  const Constraints = [
    ...(kernel === undefined ? [] : [{ LTarget: "${attr.kernel.name}", RTarget: kernel, Operand: "=" }]),
    ...(distinct === undefined
      ? []
      : [{ LTarget: distinct === "distinct_property" ? "${meta.rack}" : "", RTarget: "", Operand: distinct }]),
  ];
  const ports = port === 0 ? { DynamicPorts: [{ Label: "p" }] } : { ReservedPorts: [{ Label: "p", Value: port }] };
  const group = port === undefined ? {} : { Networks: [{ Mode: "host", ...ports }] };
  return makeJob({ id: `${id}-${type}`, type, count, cpu, memoryMB, job: { Constraints }, group });
}

function held(allocs: readonly Allocation[], node: Node): { cpu: number; memoryMB: number; ports: number[] } {
  const here = allocs.filter((alloc) => alloc.NodeID === node.ID && !terminalStatus(alloc));
  return {
    cpu: here.reduce((sum, alloc) => sum + (alloc.Resources?.CPU ?? 0), 0),
    memoryMB: here.reduce((sum, alloc) => sum + (alloc.Resources?.MemoryMB ?? 0), 0),
    ports: here.flatMap((alloc) => (alloc.AllocatedResources.Shared.Ports ?? []).map(({ Value }) => Value)),
  };
}

/** No node holds more than it has, and no port twice. */
function checkNodes(state: TestState): void {
  const allocs = [...state.store.scan("allocations")];
  for (const node of state.store.scan("nodes")) {
    const { cpu, memoryMB, ports } = held(allocs, node);
    expect(cpu).toBeLessThanOrEqual(node.NodeResources.Cpu.CpuShares);
    expect(memoryMB).toBeLessThanOrEqual(node.NodeResources.Memory.MemoryMB);
    expect(new Set(ports).size).toBe(ports.length);
  }
}

/** What runs is where it may run. */
function checkConstraints(state: TestState, job: Job): void {
  // One of an older version goes on where it is while there is no place for its replacement.
  const live = state.liveAllocs(job).filter((alloc) => alloc.Job.Version === job.Version);
  const nodes = live.map((alloc) => state.store.get("nodes", alloc.NodeID) as Node);
  for (const constraint of job.Constraints ?? []) {
    const values = nodes.map((node) => (constraint.Operand === "distinct_hosts" ? node.ID : node.Meta["rack"]));
    if (constraint.Operand.startsWith("distinct")) expect(new Set(values).size).toBe(values.length);
    else expect(nodes.every((node) => constraintHolds(constraint, node, { region: "global" }))).toBe(true);
  }
}

describe("whatever happens", () => {
  test("nodes are not over-committed, constraints hold, counts are met or explained, and a second look changes nothing", () => {
    fc.assert(
      fc.property(
        fc.array(nodeSpec, { minLength: 1, maxLength: 8 }),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (nodes, steps, seed) => {
          const state = new TestState(seed);
          for (const { cpu, memoryMB, kernel, rack, up } of nodes) {
            const NodeResources = {
              ...makeNode(state.random).NodeResources,
              Cpu: { CpuShares: cpu, TotalCpuCores: 1, ReservableCpuCores: [] },
              Memory: { MemoryMB: memoryMB },
            };
            const Attributes = { "kernel.name": kernel };
            const Status = up ? "ready" : "down";
            state.addNode({ Status, Attributes, Meta: { rack }, ComputedClass: kernel + rack, NodeResources });
          }
          for (const each of steps) {
            const all = [...state.store.scan("allocations")];
            const node = each.kind === "down" ? [...state.store.scan("nodes")][each.node] : undefined;
            const alloc = each.kind === "fail" || each.kind === "finish" ? all[each.alloc] : undefined;
            if (node)
              state.apply("nodeStatusUpdate", { nodeID: node.ID, status: "down", nowMs: state.nowMs, evaluations: [] });
            if (alloc && !terminalStatus(alloc)) state.report(alloc, each.kind === "fail" ? "failed" : "complete");
            if (each.kind === "job") state.register(jobOf(each.job));
            state.nowMs += 600_000;
            for (const job of [...state.store.scan("jobs")]) checkJob(state, job);
          }
        },
      ),
      { numRuns: 60, seed: 42 },
    );
  });
});

function checkJob(state: TestState, job: Job): void {
  const { evaluation } = state.settle(state.evaluation(job));
  checkNodes(state);
  checkConstraints(state, job);
  const queued = evaluation.QueuedAllocations?.["g"] ?? 0;
  expect(queued > 0).toBe(evaluation.FailedTGAllocs?.["g"] !== undefined);
  const names = state.liveAllocs(job).map(({ Name }) => Name);
  if (job.Type !== "system") {
    const kept = state
      .allocs(job)
      .filter(
        (alloc) =>
          alloc.DesiredStatus === "run" &&
          alloc.Job.Version === job.Version &&
          ["complete", "failed"].includes(alloc.ClientStatus),
      );
    const resting = kept.filter(
      (alloc) => (job.Type === "batch" || alloc.ClientStatus === "failed") && !alloc.NextAllocation,
    ).length;
    const outdated = state.liveAllocs(job).filter((alloc) => alloc.Job.Version !== job.Version).length;
    // An old allocation that waits for its turn keeps its place; a replacement that finds none leaves it running.
    if (outdated === 0) expect(names.length + resting + queued).toBe(job.TaskGroups[0]?.Count);
    expect(new Set(names).size).toBe(names.length);
  }
  const again = state.evaluate(state.evaluation(job));
  if (queued === 0) expect(again.plan).toBeNull();
  else expect([...(again.plan?.placed.values() ?? [])]).toEqual([]);
}
