import { type Random, seededRandom } from "@steppe/shared";
import { type CommandName, encodeCommand, type PayloadOf, StateStore } from "@steppe/state";
import {
  type Allocation,
  canonicalizeJob,
  decode,
  decodeJob,
  type Evaluation,
  type Job,
  type Node,
  NodeSchema,
  type Plan,
} from "@steppe/structs";
import { schedule, type SchedulerContext, type SchedulerResult } from "../src/index.js";

export const NOW_MS = 1_800_000_000_000;

/** A state store that applies commands at once, as a log of one would. */
export class TestState {
  readonly store = new StateStore({ freeze: "deep" });
  readonly random: Random;
  nowMs = NOW_MS;
  #index = 100;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  apply<N extends CommandName>(name: N, payload: PayloadOf<N>): unknown {
    this.#index++;
    const [result] = this.store.apply([{ index: this.#index, term: 1, data: encodeCommand(name, payload) }]);
    if (result instanceof Error) throw result;
    return result;
  }

  addNode(overrides: Partial<Node> = {}): Node {
    const node = makeNode(this.random, overrides);
    this.apply("nodeRegister", { node, nowMs: this.nowMs, evaluations: [] });
    return node;
  }

  register(job: Job): Evaluation {
    const evaluation = makeEvaluation(this.random, job);
    this.apply("jobRegister", { job: structuredClone(job), evaluation });
    return this.store.get("evaluations", evaluation.ID) as Evaluation;
  }

  /** Evaluates to the end without applying anything. */
  evaluate(evaluation: Evaluation, context: Partial<SchedulerContext> = {}): SchedulerResult {
    return run(this.store.snapshotView(), evaluation, { nowMs: this.nowMs, random: this.random, ...context });
  }

  /** Evaluates and applies the whole result. */
  settle(evaluation: Evaluation): SchedulerResult {
    const result = this.evaluate(evaluation);
    this.applyResult(result);
    return result;
  }

  applyResult({ plan, evaluation, createdEvaluations }: SchedulerResult): void {
    this.apply("planApply", {
      plans: [
        {
          evalID: evaluation.ID,
          snapshotIndex: plan?.snapshotIndex ?? 0,
          allocsPlaced: placed(plan),
          allocsUpdated: [...(plan?.changed.values() ?? [])].flat(),
          deployment: plan?.deployment ?? null,
          deploymentUpdates: plan?.deploymentUpdates ?? [],
          evaluations: [evaluation, ...createdEvaluations],
        },
      ],
    });
  }

  allocs(job: Job): Allocation[] {
    return this.store.byIndex("allocations", "byJob", `${job.Namespace}\0${job.ID}`);
  }

  /** Those that run or shall run. */
  liveAllocs(job: Job): Allocation[] {
    return this.allocs(job).filter(
      (alloc) => alloc.DesiredStatus === "run" && ["pending", "running"].includes(alloc.ClientStatus),
    );
  }

  report(alloc: Allocation, ClientStatus: string, healthy?: boolean): void {
    const DeploymentStatus =
      healthy === undefined
        ? undefined
        : { Healthy: healthy, Timestamp: "2027-01-15T08:00:00Z", Canary: false, ModifyIndex: 0 };
    const update = {
      ID: alloc.ID,
      ClientStatus,
      ClientDescription: "",
      TaskStates: null,
      ...(DeploymentStatus ? { DeploymentStatus } : {}),
    };
    this.apply("allocClientUpdate", { allocs: [update], evaluations: [], nowNs: this.nowMs * 1e6 });
  }

  evaluation(job: Job, TriggeredBy = "job-register"): Evaluation {
    const evaluation = { ...makeEvaluation(this.random, job), TriggeredBy };
    this.apply("evalUpsert", { evaluations: [evaluation] });
    return this.store.get("evaluations", evaluation.ID) as Evaluation;
  }
}

export function run(
  view: Parameters<typeof schedule>[0],
  evaluation: Evaluation,
  context: SchedulerContext,
): SchedulerResult {
  const steps = schedule(view, evaluation, context);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

export function placed(plan: Plan | null): Allocation[] {
  return [...(plan?.placed.values() ?? [])].flat();
}

export function makeEvaluation(random: Random, job: Job): Evaluation {
  return {
    ID: random.uuid(),
    Namespace: job.Namespace,
    Priority: job.Priority,
    Type: job.Type,
    TriggeredBy: "job-register",
    JobID: job.ID,
    Status: "pending",
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: NOW_MS * 1e6,
    ModifyTime: NOW_MS * 1e6,
  };
}

/** A node with 4000 MHz, 8 GiB and 100 GiB that runs raw_exec. */
export function makeNode(random: Random, overrides: Partial<Node> = {}): Node {
  const ID = random.uuid();
  const node = decode(NodeSchema, {
    ID,
    Name: `node-${ID.slice(0, 8)}`,
    SecretID: ID,
    Attributes: { "kernel.name": "linux", "driver.raw_exec": "1", "unique.hostname": ID },
    ComputedClass: "v1:1",
    Drivers: {
      raw_exec: { Detected: true, Healthy: true, HealthDescription: "Healthy", UpdateTime: "2027-01-15T08:00:00Z" },
    },
    NodeResources: {
      Cpu: { CpuShares: 4000, TotalCpuCores: 4, ReservableCpuCores: [] },
      Memory: { MemoryMB: 8192 },
      Disk: { DiskMB: 102400 },
      NodeNetworks: [
        { Mode: "host", Device: "eth0", Addresses: [{ Family: "ipv4", Alias: "default", Address: "10.0.0.1" }] },
      ],
    },
    Status: "ready",
  }) as Node;
  return { ...node, ...overrides };
}

export interface JobOptions {
  id?: string;
  type?: string;
  count?: number;
  cpu?: number;
  memoryMB?: number;
  job?: Record<string, unknown>;
  group?: Record<string, unknown>;
  task?: Record<string, unknown>;
}

export function makeJob({
  id = "web",
  type = "service",
  count = 1,
  cpu = 100,
  memoryMB = 64,
  job,
  group,
  task,
}: JobOptions = {}): Job {
  const input = {
    ID: id,
    Name: id,
    Type: type,
    Datacenters: ["*"],
    TaskGroups: [
      {
        Name: "g",
        Count: count,
        EphemeralDisk: { SizeMB: 10 },
        Tasks: [
          {
            Name: "t",
            Driver: "raw_exec",
            Config: { command: "/bin/true" },
            Resources: { CPU: cpu, MemoryMB: memoryMB },
            ...task,
          },
        ],
        ...group,
      },
    ],
    ...job,
  };
  return canonicalizeJob(decodeJob(input), { nowNs: NOW_MS * 1e6, region: "global" });
}
