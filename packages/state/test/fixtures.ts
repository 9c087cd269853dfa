import type { Allocation, Deployment, Evaluation, Job, Node, TaskGroup } from "@steppe/structs";
import { type CommandName, encodeCommand, type PayloadOf, type ResultOf, StateStore } from "../src/index.js";

/** A store with all rows frozen, and entries that are applied one after the other. */
export class TestStore extends StateStore {
  constructor(options: ConstructorParameters<typeof StateStore>[0] = {}) {
    super({ freeze: "deep", ...options });
  }

  /** Applies one command at the next index and returns its result; throws what it was refused with. */
  run<N extends CommandName>(name: N, payload: PayloadOf<N>, index = this.appliedIndex + 1): ResultOf<N> {
    const [result] = this.apply([{ index, term: 1, data: encodeCommand(name, payload) }]);
    if (result instanceof Error) throw result;
    return result as ResultOf<N>;
  }
}

/** A text in the form of a UUID. */
export const uuid = (number: number, kind = "0"): string =>
  `${kind.repeat(8)}-0000-4000-8000-${String(number).padStart(12, "0")}`;

const group = (change: Partial<TaskGroup> = {}): TaskGroup =>
  ({ Name: "g", Count: 1, Scaling: null, Tasks: [], Meta: null, ...change }) as unknown as TaskGroup;

export const groups = (...names: string[]): TaskGroup[] => names.map((Name) => group({ Name }));

export function job(change: Partial<Job> = {}): Job {
  const row: Partial<Job> = {
    Stop: false,
    Region: "global",
    Namespace: "default",
    ID: "web",
    ParentID: "",
    Name: "web",
    Type: "service",
    Priority: 50,
    Datacenters: ["dc1"],
    NodePool: "default",
    TaskGroups: [group()],
    Periodic: null,
    ParameterizedJob: null,
    Dispatched: false,
    Meta: null,
    Status: "",
    StatusDescription: "",
    Stable: false,
    Version: 0,
    SubmitTime: 1_795_326_285_560_286_000,
    CreateIndex: 0,
    ModifyIndex: 0,
    JobModifyIndex: 0,
    VersionTag: null,
    ...change,
  };
  return row as Job;
}

export function evaluation(change: Partial<Evaluation> = {}): Evaluation {
  return {
    ID: uuid(1, "e"),
    Namespace: "default",
    Priority: 50,
    Type: "service",
    TriggeredBy: "job-register",
    JobID: "web",
    Status: "pending",
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: 1,
    ModifyTime: 1,
    ...change,
  };
}

export function allocation(change: Partial<Allocation> = {}): Allocation {
  const row: Partial<Allocation> = {
    ID: uuid(1, "a"),
    Namespace: "default",
    EvalID: uuid(1, "e"),
    Name: "web.g[0]",
    NodeID: uuid(1, "d"),
    NodeName: "node-1",
    JobID: "web",
    TaskGroup: "g",
    DesiredStatus: "run",
    ClientStatus: "pending",
    CreateIndex: 0,
    ModifyIndex: 0,
    AllocModifyIndex: 0,
    CreateTime: 1_795_326_285_000_000_000,
    ModifyTime: 1_795_326_285_000_000_000,
    ...change,
  };
  return row as Allocation;
}

export function deployment(change: Partial<Deployment> = {}): Deployment {
  return {
    ID: uuid(1, "b"),
    Namespace: "default",
    JobID: "web",
    JobVersion: 0,
    JobModifyIndex: 1,
    JobSpecModifyIndex: 1,
    JobCreateIndex: 1,
    IsMultiregion: false,
    TaskGroups: {
      g: {
        AutoRevert: false,
        AutoPromote: false,
        ProgressDeadline: 120e9,
        RequireProgressBy: "0001-01-01T00:00:00Z",
        Promoted: false,
        PlacedCanaries: null,
        DesiredCanaries: 0,
        DesiredTotal: 2,
        PlacedAllocs: 0,
        HealthyAllocs: 0,
        UnhealthyAllocs: 0,
      },
    },
    Status: "running",
    StatusDescription: "Deployment is running",
    EvalPriority: 50,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: 1,
    ModifyTime: 1,
    ...change,
  };
}

export function node(change: Partial<Node> = {}): Node {
  const row: Partial<Node> = {
    ID: uuid(1, "d"),
    Name: "node-1",
    SecretID: "secret",
    Datacenter: "dc1",
    NodePool: "default",
    Status: "ready",
    SchedulingEligibility: "eligible",
    Drain: false,
    DrainStrategy: null,
    LastDrain: null,
    LastMissedHeartbeatIndex: 0,
    LastAllocUpdateIndex: 0,
    Events: [],
    Attributes: {},
    StatusUpdatedAt: 0,
    CreateIndex: 0,
    ModifyIndex: 0,
    ...change,
  };
  return row as Node;
}

/** A plan that only places. */
export function plan(change: Partial<PayloadOf<"planApply">["plans"][number]>): PayloadOf<"planApply"> {
  const whole = {
    evalID: uuid(1, "e"),
    snapshotIndex: 1,
    allocsPlaced: [],
    allocsUpdated: [],
    deployment: null,
    deploymentUpdates: [],
    evaluations: [],
    ...change,
  };
  return { plans: [whole] };
}
