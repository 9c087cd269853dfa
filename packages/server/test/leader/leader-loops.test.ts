import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LeaderLoops } from "../../src/leader/index.js";
import { makeJob, ManualClock, TestLeader, until } from "./fixtures.js";

let leader: TestLeader;
let loops: LeaderLoops;

beforeEach(() => {
  leader = new TestLeader();
  loops = new LeaderLoops(leader);
  loops.start();
});
afterEach(() => loops.stop());

describe("evaluations", () => {
  test("are worked off as they come, and those of before the election too", async () => {
    loops.stop();
    leader.addNode();
    const before = leader.register(makeJob({ id: "before" }));
    loops.start();
    const after = leader.register(makeJob({ id: "after" }));
    await until(() => leader.status(before) === "complete" && leader.status(after) === "complete", "both complete");
    expect([...leader.state.scan("allocations")]).toHaveLength(2);
    expect(loops.broker.size).toBe(0);
  });

  test("of one job in a burst: the last one counts, those between are canceled", async () => {
    leader.addNode();
    const evaluations = [1, 2, 3, 4].map((count) => leader.register(makeJob({ count })));
    await until(() => evaluations.every((each) => leader.status(each) !== "pending"), "none pending");
    expect(evaluations.map((each) => leader.status(each))).toEqual(["complete", "canceled", "canceled", "complete"]);
    expect(leader.live(makeJob())).toHaveLength(4);
  });

  test("thousands of jobs without allocations are done within seconds", async () => {
    for (let i = 0; i < 3500; i++) leader.register(makeJob({ id: `empty-${i}`, count: 0 }));
    await until(() => loops.broker.size === 0, "all done");
    expect([...leader.state.scan("evaluations")].every((each) => each.Status === "complete")).toBe(true);
  });

  test("two jobs that want the same room get it once", async () => {
    leader.addNode();
    const jobs = ["a", "b"].map((id) => makeJob({ id, count: 1, cpu: 3000 }));
    const evaluations = jobs.map((job) => leader.register(job));
    await until(() => evaluations.every((each) => leader.status(each) === "complete"), "both complete");
    expect(jobs.flatMap((job) => leader.live(job))).toHaveLength(1);
    expect(loops.blocked.size).toBe(1);
    expect(leader.warnings).toEqual([]);
  });

  test("are tried again when the log did not take the plan", async () => {
    leader.addNode();
    leader.broken = true;
    const evaluation = leader.register(makeJob());
    await until(() => leader.warnings.length > 0, "a failed proposal");
    leader.broken = false;
    await until(() => leader.status(evaluation) === "complete", "complete");
    expect(leader.live(makeJob())).toHaveLength(1);
  });
});

describe("blocked evaluations", () => {
  test("run when a node comes, and are done when all is placed", async () => {
    const job = makeJob({ count: 2, cpu: 3000 });
    const evaluation = leader.register(job);
    await until(() => leader.status(evaluation) === "complete" && loops.blocked.size === 1, "blocked");
    leader.addNode();
    await until(() => leader.live(job).length === 1, "one placed");
    leader.addNode();
    await until(() => leader.live(job).length === 2 && loops.blocked.size === 0, "both placed");
    expect([...leader.state.scan("evaluations")].map((each) => each.Status).sort()).toEqual(["complete", "complete"]);
  });

  test("run when an allocation ends", async () => {
    leader.addNode();
    const batch = makeJob({ id: "batch", type: "batch", cpu: 3000 });
    leader.register(batch);
    await until(() => leader.live(batch).length === 1, "batch placed");
    const job = makeJob({ cpu: 3000 });
    leader.register(job);
    await until(() => loops.blocked.size === 1, "blocked");
    leader.report(leader.live(batch), "complete");
    await until(() => leader.live(job).length === 1, "placed");
  });

  test("are one per job", async () => {
    const first = makeJob({ count: 1, cpu: 3000 });
    leader.register(first);
    await until(() => loops.blocked.size === 1, "blocked");
    leader.register(makeJob({ count: 2, cpu: 3000 }));
    const blocked = (): unknown[] => [...leader.state.scan("evaluations")].filter((each) => each.Status === "blocked");
    await until(() => leader.state.count("evaluations") === 4 && blocked().length === 1, "one blocked");
    leader.applyNow("jobDeregister", {
      namespace: "default",
      jobID: "web",
      purge: false,
      evaluation: {
        ...leader.register(makeJob({ id: "x", count: 0 })),
        ID: leader.random.uuid(),
        JobID: "web",
        Status: "pending",
      },
      submitTimeNs: 0,
    });
    await until(() => blocked().length === 0 && loops.blocked.size === 0, "none blocked");
  });
});

describe("deployments", () => {
  test("roll on with health, and end in success", async () => {
    leader.addNode();
    const job = makeJob({ count: 2 });
    leader.register(job);
    await until(() => leader.live(job).length === 2, "placed");
    leader.report(leader.live(job), "running", true);
    const statuses = (): string[] => [...leader.state.scanIndex("deployments", "byCreate")].map(({ Status }) => Status);
    await until(() => statuses()[0] === "successful", "successful");
    leader.register(makeJob({ count: 2, task: { Config: { command: "/bin/false" } } }));
    const fresh = (): ReturnType<typeof leader.live> => leader.live(job).filter(({ Job }) => Job.Version === 1);
    await until(() => fresh().length === 1, "one replaced");
    leader.report(fresh(), "running", true);
    await until(() => fresh().length === 2, "both replaced");
    leader.report(fresh(), "running", true);
    await until(() => statuses()[1] === "successful", "second successful");
    expect(leader.state.get("jobs", "default\0web")).toMatchObject({ Stable: true, Version: 1 });
  });

  test("fail without progress", async () => {
    leader.addNode();
    const job = makeJob({ group: { Update: { ProgressDeadline: 1e9, HealthyDeadline: 5e8, MinHealthyTime: 1e8 } } });
    leader.register(job);
    await until(() => [...leader.state.scan("deployments")].some(({ Status }) => Status === "failed"), "failed");
    expect([...leader.state.scan("deployments")][0]?.StatusDescription).toBe("Failed due to progress deadline");
  });
});

describe("nodes", () => {
  test("drain: service allocations move, then the drain is complete", async () => {
    const node = leader.addNode();
    const job = makeJob({ count: 3 });
    leader.register(job);
    await until(() => leader.live(job).length === 3, "placed");
    leader.report(leader.live(job), "running", true);
    const other = leader.addNode();
    const drainStrategy = {
      Deadline: 0,
      IgnoreSystemJobs: false,
      ForceDeadline: "0001-01-01T00:00:00Z",
      StartedAt: new Date().toISOString(),
    };
    leader.applyNow("nodeDrain", {
      nodeID: node.ID,
      drainStrategy,
      markEligible: false,
      nowMs: Date.now(),
      meta: null,
    });
    for (let moved = 1; moved <= 3; moved++) {
      await until(
        () => leader.live(job).filter(({ NodeID }) => NodeID === other.ID).length === moved,
        `${moved} moved`,
      );
      leader.report(
        leader.live(job).filter(({ NodeID }) => NodeID === other.ID),
        "running",
        true,
      );
    }
    await until(() => leader.state.get("nodes", node.ID)?.DrainStrategy === null, "drain over");
    expect(leader.state.get("nodes", node.ID)).toMatchObject({
      SchedulingEligibility: "ineligible",
      LastDrain: { Status: "complete" },
    });
  });

  test("that miss their heartbeat are down, and what they ran is replaced", async () => {
    loops.stop();
    const clock = new ManualClock();
    leader = new TestLeader(clock);
    loops = new LeaderLoops(leader);
    loops.start();
    const [dead, alive] = [leader.addNode(), leader.addNode()];
    const job = makeJob({ count: 8, job: { Type: "service" } });
    leader.register(job);
    await until(() => leader.live(job).length === 8, "placed");
    for (let i = 0; i < 8; i++) {
      expect(loops.heartbeats.beat(alive.ID)).toBeGreaterThanOrEqual(10_000);
      clock.advance(5000);
    }
    await until(() => leader.state.get("nodes", dead.ID)?.Status === "down", "down");
    await until(() => leader.live(job).filter(({ NodeID }) => NodeID === alive.ID).length === 8, "replaced");
    expect(leader.state.get("nodes", alive.ID)?.Status).toBe("ready");
    expect(leader.state.get("nodes", dead.ID)?.Events.map(({ Message }) => Message)).toContain("Node heartbeat missed");
  });

  test("heartbeats come less often the more nodes there are", () => {
    for (let i = 0; i < 2000; i++) leader.addNode();
    expect(loops.heartbeats.size).toBe(2000);
    expect(loops.heartbeats.beat([...leader.state.scan("nodes")][0]?.ID ?? "")).toBeGreaterThanOrEqual(40_000);
  });
});

test("garbage: what has ended goes when asked for, what counts stays", async () => {
  leader.addNode();
  const [stopped, running] = [makeJob({ id: "stopped" }), makeJob({ id: "running" })];
  for (const job of [stopped, running]) leader.register(job);
  await until(() => leader.live(stopped).length + leader.live(running).length === 2, "placed");
  const allocs = leader.live(stopped);
  const evaluation = { ...leader.register(running), ID: leader.random.uuid(), JobID: "stopped", Status: "pending" };
  leader.applyNow("jobDeregister", {
    namespace: "default",
    jobID: "stopped",
    purge: false,
    evaluation,
    submitTimeNs: 0,
  });
  await until(() => leader.live(stopped).length === 0 && loops.broker.size === 0, "stopped");
  leader.report(allocs, "complete");
  await loops.garbageCollector.collect(true);
  expect([...leader.state.scan("jobs")].map(({ ID }) => ID)).toEqual(["running"]);
  expect([...leader.state.scan("allocations")].map(({ JobID }) => JobID)).toEqual(["running"]);
  expect(leader.live(running)).toHaveLength(1);
});
