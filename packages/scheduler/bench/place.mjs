// Placements per second of one job, by number of nodes: `node packages/scheduler/bench/place.mjs [allocations] [nodes...]`.
// Needs the build (`npx tsc -b packages/scheduler`). Measure on a quiet machine.
import { seededRandom } from "@steppe/shared";
import { encodeCommand, StateStore } from "@steppe/state";
import { canonicalizeJob, decode, decodeJob, NodeSchema } from "@steppe/structs";
import { schedule, SchedulerCache } from "../dist/index.js";

const [allocations = "10000", ...sizes] = process.argv.slice(2);
const count = Number(allocations);
const nodeCounts = sizes.length > 0 ? sizes.map(Number) : [500, 1000, 5000, 10000];
const nowMs = Date.now();

function makeState(nodes, random) {
  const store = new StateStore();
  let index = 100;
  const apply = (name, payload) => {
    const [result] = store.apply([{ index: ++index, term: 1, data: encodeCommand(name, payload) }]);
    if (result instanceof Error) throw result;
  };
  for (let i = 0; i < nodes; i++) {
    const node = decode(NodeSchema, {
      ID: random.uuid(),
      Name: `node-${i}`,
      SecretID: random.uuid(),
      Attributes: { "kernel.name": "linux" },
      ComputedClass: `v1:${i % 10}`,
      Drivers: { mock_driver: { Detected: true, Healthy: true } },
      NodeResources: { Cpu: { CpuShares: 40000 }, Memory: { MemoryMB: 131072 }, Disk: { DiskMB: 1048576 } },
      Status: "ready",
    });
    apply("nodeRegister", { node, nowMs, evaluations: [] });
  }
  return { store, apply };
}

function makeJob(id, type, jobCount) {
  const task = { Name: "t", Driver: "mock_driver", Resources: { CPU: 20, MemoryMB: 32 } };
  const group = { Name: "g", Count: jobCount, EphemeralDisk: { SizeMB: 10 }, Tasks: [task] };
  return canonicalizeJob(decodeJob({ ID: id, Type: type, Datacenters: ["*"], TaskGroups: [group] }), {});
}

function makeEvaluation(random, job) {
  const times = { CreateIndex: 0, ModifyIndex: 0, CreateTime: 0, ModifyTime: 0 };
  return {
    ID: random.uuid(),
    Namespace: "default",
    Priority: 50,
    Type: job.Type,
    TriggeredBy: "job-register",
    JobID: job.ID,
    Status: "pending",
    ...times,
  };
}

/** Runs an evaluation; the longest time between two yields is what the event loop would be held for. */
function measure(view, evaluation, context) {
  const began = performance.now();
  let longestMs = 0;
  let last = began;
  const steps = schedule(view, evaluation, context);
  for (;;) {
    const step = steps.next();
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (step.done) return { result: step.value, ms: now - began, longestMs };
  }
}

for (const nodes of nodeCounts) {
  const random = seededRandom(nodes);
  const { store, apply } = makeState(nodes, random);
  const cache = new SchedulerCache();
  for (const type of ["service", "batch"]) {
    const job = makeJob(`bench-${type}`, type, count);
    const evaluation = makeEvaluation(random, job);
    apply("jobRegister", { job, evaluation });
    const { result, ms, longestMs } = measure(store.snapshotView(), evaluation, { nowMs, random, cache });
    const placed = [...result.plan.placed.values()].reduce((sum, list) => sum + list.length, 0);
    const rate = Math.round((placed / ms) * 1000);
    console.log(
      `${type.padEnd(8)} ${String(nodes).padStart(6)} nodes: ${placed} placed in ${ms.toFixed(0)} ms = ${rate}/s; longest slice ${longestMs.toFixed(1)} ms`,
    );
  }
  const empty = makeJob("bench-empty", "service", 0);
  const evaluation = makeEvaluation(random, empty);
  apply("jobRegister", { job: empty, evaluation });
  const view = store.snapshotView();
  const rounds = 2000;
  const began = performance.now();
  for (let i = 0; i < rounds; i++) measure(view, evaluation, { nowMs, random, cache });
  console.log(
    `empty    ${String(nodes).padStart(6)} nodes: ${(((performance.now() - began) / rounds) * 1000).toFixed(1)} us per evaluation of a job with count 0`,
  );
}
