import { describe, expect, test } from "@jest/globals";
import { makeJob, placed, TestState } from "./fixtures.js";

describe("service jobs", () => {
  test("places the missing, with names, resources and metrics as the API shows them", () => {
    const state = new TestState();
    state.addNode();
    const job = makeJob({ count: 2, group: { Networks: [{ Mode: "host", DynamicPorts: [{ Label: "http" }] }] } });
    const { plan, evaluation, createdEvaluations } = state.settle(state.register(job));
    expect(placed(plan).map((alloc) => alloc.Name)).toEqual(["web.g[0]", "web.g[1]"]);
    expect(evaluation).toMatchObject({ Status: "complete", QueuedAllocations: { g: 0 } });
    expect(createdEvaluations).toEqual([]);
    const [alloc] = state.liveAllocs(job);
    const port = alloc?.AllocatedResources.Shared.Ports?.[0];
    expect(port).toMatchObject({ Label: "http", HostIP: "10.0.0.1" });
    expect(port?.Value).toBeGreaterThanOrEqual(20000);
    expect(port?.Value).toBeLessThanOrEqual(32000);
    expect(alloc?.Resources).toMatchObject({ CPU: 100, MemoryMB: 64, DiskMB: 10 });
    expect(alloc?.Metrics).toMatchObject({ NodesEvaluated: 1, NodesAvailable: { dc1: 1 }, NodePool: "default" });
    expect(alloc?.Metrics?.ScoreMetaData).toHaveLength(1);
    expect(alloc?.DeploymentID).toBe(evaluation.DeploymentID);
    expect(state.store.get("deployments", evaluation.DeploymentID ?? "")).toMatchObject({
      Status: "running",
      TaskGroups: { g: { DesiredTotal: 2, PlacedAllocs: 2 } },
    });
  });

  test("a second evaluation changes nothing", () => {
    const state = new TestState();
    state.addNode();
    const job = makeJob({ count: 3 });
    state.settle(state.register(job));
    const again = state.evaluate(state.evaluation(job));
    expect(again.plan).toBeNull();
    expect(again.evaluation.PlanAnnotations?.DesiredTGUpdates?.["g"]).toMatchObject({ Ignore: 3, Place: 0 });
  });

  test("stops the highest names first, and gives the lowest free ones out again", () => {
    const state = new TestState();
    state.addNode();
    state.settle(state.register(makeJob({ count: 4 })));
    const fewer = makeJob({ count: 2 });
    state.settle(state.register(fewer));
    expect(
      state
        .liveAllocs(fewer)
        .map((alloc) => alloc.Name)
        .sort(),
    ).toEqual(["web.g[0]", "web.g[1]"]);
    const more = makeJob({ count: 3 });
    const { plan } = state.settle(state.register(more));
    expect(
      placed(plan)
        .filter((alloc) => alloc.CreateIndex === 0)
        .map((alloc) => alloc.Name),
    ).toContain("web.g[2]");
  });

  test("stops everything when the job is stopped or purged", () => {
    const state = new TestState();
    state.addNode();
    const job = makeJob({ count: 2 });
    state.settle(state.register(job));
    state.apply("jobDeregister", {
      namespace: "default",
      jobID: "web",
      purge: true,
      evaluation: null,
      submitTimeNs: 0,
    });
    state.settle(state.evaluation(job, "job-deregister"));
    expect(state.liveAllocs(job)).toEqual([]);
    expect([...state.store.scan("deployments")].map((deployment) => deployment.Status)).toEqual(["cancelled"]);
  });

  test("replaces what a dead node has lost", () => {
    const state = new TestState();
    const first = state.addNode();
    const job = makeJob({ count: 2 });
    state.settle(state.register(job));
    const second = state.addNode();
    state.apply("nodeStatusUpdate", { nodeID: first.ID, status: "down", nowMs: state.nowMs, evaluations: [] });
    state.settle(state.evaluation(job, "node-update"));
    const live = state.liveAllocs(job);
    expect(live.map((alloc) => alloc.NodeID)).toEqual([second.ID, second.ID]);
    expect(live.every((alloc) => alloc.PreviousAllocation)).toBe(true);
    const lost = state.allocs(job).filter((alloc) => alloc.NodeID === first.ID);
    expect(lost.map((alloc) => alloc.ClientStatus)).toEqual(["lost", "lost"]);
    expect(lost.every((alloc) => alloc.NextAllocation)).toBe(true);
  });

  test("moves what shall migrate, one for one", () => {
    const state = new TestState();
    const first = state.addNode();
    const job = makeJob({ count: 1 });
    state.settle(state.register(job));
    const second = state.addNode();
    const [alloc] = state.liveAllocs(job);
    state.apply("nodeEligibility", {
      nodeID: first.ID,
      eligibility: "ineligible",
      nowMs: state.nowMs,
      evaluations: [],
    });
    state.apply("allocDesiredTransition", { allocs: { [alloc?.ID ?? ""]: { Migrate: true } }, evaluations: [] });
    state.settle(state.evaluation(job, "node-drain"));
    expect(state.liveAllocs(job).map(({ NodeID, Name }) => [NodeID, Name])).toEqual([[second.ID, "web.g[0]"]]);
  });

  test("reschedules a failure after its delay, away from where it failed", () => {
    const state = new TestState();
    state.addNode();
    state.addNode();
    const job = makeJob({ count: 1 });
    state.settle(state.register(job));
    const [alloc] = state.liveAllocs(job);
    state.report(alloc as never, "failed");
    const { createdEvaluations } = state.settle(state.evaluation(job, "alloc-failure"));
    expect(createdEvaluations).toHaveLength(1);
    expect(createdEvaluations[0]).toMatchObject({
      TriggeredBy: "alloc-failure",
      Status: "pending",
      WaitUntil: "2027-01-15T08:00:30Z",
    });
    expect(state.liveAllocs(job)).toEqual([]);
    // An evaluation that comes in between neither replaces it nor asks again.
    expect(state.settle(state.evaluation(job)).createdEvaluations).toEqual([]);
    state.nowMs += 30_000;
    const followUp = state.store.get("evaluations", createdEvaluations[0]?.ID ?? "");
    state.settle(followUp as never);
    const [next] = state.liveAllocs(job);
    expect(next).toMatchObject({ Name: "web.g[0]", PreviousAllocation: alloc?.ID });
    expect(next?.NodeID).not.toBe(alloc?.NodeID);
    expect(next?.RescheduleTracker?.Events).toHaveLength(1);
  });

  test("a change that tasks do not notice is made in place", () => {
    const state = new TestState();
    state.addNode();
    state.settle(state.register(makeJob({ count: 2 })));
    const job = makeJob({ count: 2, job: { Priority: 70 } });
    const before = state.liveAllocs(job).map(({ ID }) => ID);
    const { evaluation } = state.settle(state.register(job));
    expect(state.liveAllocs(job).map(({ ID }) => ID)).toEqual(before);
    expect(state.liveAllocs(job).map(({ Job, EvalID }) => [Job.Version, EvalID])).toEqual([
      [1, evaluation.ID],
      [1, evaluation.ID],
    ]);
    expect(evaluation.PlanAnnotations?.DesiredTGUpdates?.["g"]).toMatchObject({ InPlaceUpdate: 2 });
  });

  test("a change of the tasks rolls out as the new ones become healthy", () => {
    const state = new TestState();
    state.addNode();
    const first = makeJob({ count: 2 });
    state.settle(state.register(first));
    const job = makeJob({ count: 2, task: { Config: { command: "/bin/false" } } });
    state.settle(state.register(job));
    const fresh = (): ReturnType<typeof state.liveAllocs> =>
      state.liveAllocs(job).filter((alloc) => alloc.Job.Version === 1);
    expect(fresh()).toHaveLength(1);
    state.settle(state.evaluation(job));
    expect(fresh()).toHaveLength(1);
    state.report(fresh()[0] as never, "running", true);
    state.settle(state.evaluation(job, "deployment-watcher"));
    expect(fresh()).toHaveLength(2);
    for (const alloc of fresh()) state.report(alloc, "running", true);
    state.settle(state.evaluation(job, "deployment-watcher"));
    const statuses = [...state.store.scanIndex("deployments", "byCreate")].map((deployment) => deployment.Status);
    expect(statuses).toEqual(["cancelled", "successful"]);
    expect(state.store.get("jobs", "default\0web")?.Stable).toBe(true);
  });
});

describe("batch jobs", () => {
  test("do not run again what ended well", () => {
    const state = new TestState();
    state.addNode();
    const job = makeJob({ type: "batch", count: 2 });
    state.settle(state.register(job));
    for (const alloc of state.liveAllocs(job)) state.report(alloc, "complete");
    expect(state.evaluate(state.evaluation(job)).plan).toBeNull();
  });

  test("give up when the attempts are used up", () => {
    const state = new TestState();
    state.addNode();
    const policy = { Attempts: 1, Interval: 3600e9, Delay: 5e9, DelayFunction: "constant", Unlimited: false };
    const job = makeJob({ type: "batch", group: { ReschedulePolicy: policy } });
    state.settle(state.register(job));
    state.report(state.liveAllocs(job)[0] as never, "failed");
    state.nowMs += 10_000;
    state.settle(state.evaluation(job));
    expect(state.liveAllocs(job)).toHaveLength(1);
    state.report(state.liveAllocs(job)[0] as never, "failed");
    state.nowMs += 10_000;
    expect(state.evaluate(state.evaluation(job)).plan).toBeNull();
  });
});

describe("system jobs", () => {
  test("run once on every feasible node", () => {
    const state = new TestState();
    const nodes = [state.addNode(), state.addNode(), state.addNode()];
    state.addNode({ Attributes: { "kernel.name": "plan9" }, ComputedClass: "v1:2" });
    const job = makeJob({
      id: "sys",
      type: "system",
      job: { Constraints: [{ LTarget: "${attr.kernel.name}", RTarget: "linux", Operand: "=" }] },
    });
    const { evaluation } = state.settle(state.register(job));
    expect(evaluation.FailedTGAllocs).toBeUndefined();
    expect(new Set(state.liveAllocs(job).map((alloc) => alloc.NodeID))).toEqual(new Set(nodes.map(({ ID }) => ID)));
    expect(state.liveAllocs(job).every((alloc) => alloc.Name === "sys.g[0]")).toBe(true);
    expect(state.evaluate(state.evaluation(job)).plan).toBeNull();
    state.addNode();
    state.settle(state.evaluation(job, "node-update"));
    expect(state.liveAllocs(job)).toHaveLength(4);
  });
});

describe("blocked evaluations", () => {
  test("say why, and are the same one until there is room", () => {
    const state = new TestState();
    state.addNode({ NodeClass: "small" });
    const job = makeJob({ count: 3, cpu: 3000 });
    const { evaluation, createdEvaluations } = state.settle(state.register(job));
    const [blocked] = createdEvaluations;
    expect(evaluation).toMatchObject({ Status: "complete", BlockedEval: blocked?.ID, QueuedAllocations: { g: 2 } });
    expect(evaluation.FailedTGAllocs?.["g"]).toMatchObject({
      NodesEvaluated: 1,
      NodesExhausted: 1,
      DimensionExhausted: { cpu: 1 },
      ClassExhausted: { small: 1 },
      CoalescedFailures: 1,
    });
    expect(blocked).toMatchObject({ Status: "blocked", TriggeredBy: "queued-allocs", PreviousEval: evaluation.ID });
    state.addNode();
    const again = state.settle(state.store.get("evaluations", blocked?.ID ?? "") as never);
    expect(again.createdEvaluations).toEqual([]);
    expect(again.evaluation).toMatchObject({ ID: blocked?.ID, Status: "blocked", QueuedAllocations: { g: 1 } });
    state.addNode();
    const last = state.settle(state.store.get("evaluations", blocked?.ID ?? "") as never);
    expect(last.evaluation).toMatchObject({ Status: "complete", QueuedAllocations: { g: 0 } });
    expect(last.evaluation.FailedTGAllocs).toBeUndefined();
  });

  test("remember the classes that will never do, and constraints that escape classes", () => {
    const state = new TestState();
    state.addNode({ ComputedClass: "v1:7" });
    const constraint = (LTarget: string): unknown => ({ Constraints: [{ LTarget, RTarget: "no", Operand: "=" }] });
    const byClass = state.settle(state.register(makeJob({ id: "a", job: constraint("${attr.kernel.name}") as never })));
    expect(byClass.createdEvaluations[0]).toMatchObject({ ClassEligibility: { "v1:7": false } });
    expect(byClass.evaluation.FailedTGAllocs?.["g"]).toMatchObject({
      NodesFiltered: 1,
      ConstraintFiltered: { "${attr.kernel.name} = no": 1 },
    });
    const escaped = state.settle(state.register(makeJob({ id: "b", job: constraint("${node.unique.name}") as never })));
    expect(escaped.createdEvaluations[0]).toMatchObject({ EscapedComputedClass: true });
  });
});

test("distinct hosts and distinct properties hold, also within one plan", () => {
  const state = new TestState();
  for (const rack of ["a", "a", "b"]) state.addNode({ Meta: { rack }, ComputedClass: `v1:${rack}` });
  const hosts = makeJob({ id: "hosts", count: 4, job: { Constraints: [{ Operand: "distinct_hosts" }] } });
  const first = state.settle(state.register(hosts));
  expect(new Set(state.liveAllocs(hosts).map((alloc) => alloc.NodeID)).size).toBe(3);
  expect(first.evaluation.FailedTGAllocs?.["g"]).toMatchObject({ ConstraintFiltered: { distinct_hosts: 3 } });
  const racks = makeJob({
    id: "racks",
    count: 3,
    job: { Constraints: [{ Operand: "distinct_property", LTarget: "${meta.rack}" }] },
  });
  state.settle(state.register(racks));
  expect(state.liveAllocs(racks)).toHaveLength(2);
});
