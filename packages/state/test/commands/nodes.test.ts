import { beforeEach, describe, expect, test } from "@jest/globals";
import { evaluation, node, TestStore, uuid } from "../fixtures.js";

const ID = uuid(1, "d");
const NOW_MS = 1_795_326_285_700;
let store: TestStore;
beforeEach(() => {
  store = new TestStore();
  store.run("nodeRegister", { node: node({ Status: "" }), nowMs: NOW_MS, evaluations: [] }, 8);
});

const row = () => store.get("nodes", ID);

describe("nodeRegister", () => {
  test("a new node has an event and the time of its status", () => {
    expect(row()).toMatchObject({
      Status: "initializing",
      CreateIndex: 8,
      ModifyIndex: 8,
      StatusUpdatedAt: 1_795_326_285,
    });
    expect(row()?.Events).toEqual([
      {
        Message: "Node registered",
        Subsystem: "Cluster",
        Details: null,
        Timestamp: "2026-11-22T05:44:45Z",
        CreateIndex: 0,
      },
    ]);
  });

  test("registering again keeps what servers decided", () => {
    store.run("nodeEligibility", { nodeID: ID, eligibility: "ineligible", nowMs: NOW_MS, evaluations: [] });
    store.run("nodeRegister", { node: node({ Attributes: { x: "1" } }), nowMs: NOW_MS, evaluations: [evaluation()] });
    expect(row()).toMatchObject({
      CreateIndex: 8,
      ModifyIndex: 10,
      SchedulingEligibility: "ineligible",
      Attributes: { x: "1" },
      Status: "ready",
    });
    expect(row()?.Events).toHaveLength(2);
    expect(store.count("evaluations")).toBe(1);
  });

  test("another secret is refused", () => {
    expect(() =>
      store.run("nodeRegister", { node: node({ SecretID: "other" }), nowMs: NOW_MS, evaluations: [] }),
    ).toThrow("node secret ID does not match");
    expect(row()?.ModifyIndex).toBe(8);
  });

  test("a pool that nobody made is made", () => {
    store.run("nodeRegister", { node: node({ ID: uuid(2, "d"), NodePool: "gpu" }), nowMs: NOW_MS, evaluations: [] });
    expect(store.get("nodePools", "gpu")).toMatchObject({ Name: "gpu", CreateIndex: 9 });
    expect(store.byIndex("nodes", "byPool", "gpu")).toHaveLength(1);
  });
});

test("nodeStatusUpdate adds an event, ten of which are kept", () => {
  for (let i = 0; i < 12; i++) {
    const message = i === 11 ? "Node heartbeat missed" : `message ${i}`;
    store.run("nodeStatusUpdate", {
      nodeID: ID,
      status: i === 11 ? "down" : "ready",
      nowMs: NOW_MS + i * 1000,
      message,
      evaluations: [],
    });
  }
  expect(row()).toMatchObject({ Status: "down", StatusUpdatedAt: 1_795_326_296, LastMissedHeartbeatIndex: 20 });
  expect(row()?.Events).toHaveLength(10);
  expect(row()?.Events.at(-1)).toMatchObject({ Message: "Node heartbeat missed", CreateIndex: 20 });
  expect(() => store.run("nodeStatusUpdate", { nodeID: "none", status: "down", nowMs: 1, evaluations: [] })).toThrow(
    "node not found",
  );
});

test("nodeDrain begins, goes on and ends", () => {
  const strategy = {
    Deadline: 60e9,
    IgnoreSystemJobs: false,
    ForceDeadline: "2026-11-22T05:45:45Z",
    StartedAt: "2026-11-22T05:44:45Z",
  };
  const drain = (change: object, nowMs: number): void => {
    store.run("nodeDrain", { nodeID: ID, drainStrategy: strategy, markEligible: false, nowMs, ...change });
  };
  drain({ meta: { why: "kernel" } }, NOW_MS);
  expect(row()).toMatchObject({ Drain: true, DrainStrategy: strategy, SchedulingEligibility: "ineligible" });
  expect(row()?.LastDrain).toMatchObject({
    Status: "draining",
    StartedAt: "2026-11-22T05:44:45.7Z",
    Meta: { why: "kernel" },
  });
  drain({ drainStrategy: null, complete: true }, NOW_MS + 1000);
  expect(row()).toMatchObject({ Drain: false, DrainStrategy: null, SchedulingEligibility: "ineligible" });
  expect(row()?.LastDrain).toMatchObject({
    Status: "complete",
    StartedAt: "2026-11-22T05:44:45.7Z",
    UpdatedAt: "2026-11-22T05:44:46.7Z",
  });
  drain({ drainStrategy: null, markEligible: true }, NOW_MS + 2000);
  expect(row()?.SchedulingEligibility).toBe("eligible");
  expect(row()?.LastDrain?.Status).toBe("complete");
  expect(row()?.Events.map((event) => event.Message)).toEqual([
    "Node registered",
    "Node drain strategy set",
    "Node drain complete",
  ]);
});

test("nodeDelete", () => {
  expect(store.run("nodeDelete", { nodeIDs: [ID, "none"], evaluations: [evaluation()] })).toEqual({
    index: 9,
    evalCreateIndex: 9,
    count: 1,
  });
  expect(row()).toBeUndefined();
  expect(store.rowIndex("nodes", ID)).toBe(9);
});
