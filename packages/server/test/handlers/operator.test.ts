import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";

import { describe, expect, test } from "@jest/globals";

import type { RaftPeer, ServerHealth } from "../../src/context.js";
import { golden, goldenTest, jobInput, type Recording, shapeOf, TestServer, uuid } from "./fixture.js";

const OTHER: RaftPeer = { id: uuid("2"), name: "two.global", address: "127.0.0.1:5647", voter: true };
const LEARNER: RaftPeer = { ...OTHER, id: uuid("3"), name: "three.global", address: "127.0.0.1:6647", voter: false };

function cluster(): TestServer {
  const server = new TestServer();
  server.peers = [...server.peers, OTHER, LEARNER];
  return server;
}

/** Asks as the recording did; `body` for one that was filled in when it was recorded. */
function replay(server: TestServer, { request }: Recording, body: unknown = request.body) {
  return server.ask(request.method, request.url, body);
}

describe("Raft's configuration", () => {
  goldenTest("has the recording's shape", async () => {
    const answer = await new TestServer().get("/v1/operator/raft/configuration");
    expect(shapeOf(answer.json)).toEqual(shapeOf(JSON.parse(golden("raft").body)));
    expect(answer.json).toMatchObject({ Servers: [{ Node: "golden.global", Leader: true, Voter: true }], Index: 0 });
  });

  for (const name of ["raft-peer-none", "raft-transfer-none", "raft-bad"]) {
    goldenTest(`${name}: status and text`, async () => {
      const expected = golden(name);
      const answer = await replay(new TestServer(), expected);
      expect([answer.status, answer.text]).toEqual([expected.status, expected.body]);
    });
  }

  test("a peer is removed by its id or its address", async () => {
    const server = cluster();
    const one = await server.ask("DELETE", `/v1/operator/raft/peer?id=${OTHER.id}`);
    expect([one.status, one.text]).toEqual([200, ""]);
    await server.ask("DELETE", `/v1/operator/raft/peer?address=${LEARNER.address}`);
    expect(server.removed).toEqual([OTHER.id, LEARNER.id]);
  });

  test("who is not there, or is named twice, is refused", async () => {
    const server = cluster();
    const missing = await server.ask("DELETE", `/v1/operator/raft/peer?address=1.2.3.4:1`);
    expect([missing.status, missing.text]).toEqual([
      404,
      'address "1.2.3.4:1" was not found in the Raft configuration',
    ]);
    const twice = await server.ask("DELETE", `/v1/operator/raft/peer?id=${OTHER.id}&address=${OTHER.address}`);
    expect(twice.status).toBe(400);
    expect(server.removed).toEqual([]);
  });

  test("leadership goes to a voter; to the leader itself is nothing to do", async () => {
    const server = cluster();
    const self = server.peers[0] as RaftPeer;
    const moved = await server.ask("PUT", `/v1/operator/raft/transfer-leadership?address=${OTHER.address}`);
    expect(moved.json).toEqual({
      From: { ID: self.id, Address: self.address },
      To: { ID: OTHER.id, Address: OTHER.address },
      Noop: false,
      Err: null,
      Index: 0,
    });
    const noop = await server.ask("POST", `/v1/operator/raft/transfer-leadership?id=${self.id}`);
    expect(noop.json).toMatchObject({ Noop: true });
    const learner = await server.ask("PUT", `/v1/operator/raft/transfer-leadership?id=${LEARNER.id}`);
    expect(learner.status).toBe(400);
    expect(server.transferred).toEqual([OTHER.id]);
  });
});

describe("the scheduler's configuration", () => {
  const path = "/v1/operator/scheduler/configuration";

  goldenTest("has the recordings' shape and texts", async () => {
    const server = new TestServer();
    const read = await server.get(path);
    expect(shapeOf(read.json)).toEqual(shapeOf(JSON.parse(golden("scheduler").body)));
    const config = (read.json as { SchedulerConfig: object }).SchedulerConfig;
    const put = await replay(server, golden("scheduler-put"), config);
    expect(put.json).toEqual({ Updated: true, Index: server.state.index });
    expect(put.headers["X-Nomad-Index"]).toBe(String(server.state.index));
    const cas = await server.ask("PUT", `${path}?cas=999`, config);
    expect(cas.json).toEqual({ Updated: false, Index: server.state.index });
    const bad = await replay(server, golden("scheduler-bad"));
    expect([bad.status, bad.text]).toEqual([400, golden("scheduler-bad").body]);
  });

  test("what is set is read again, and counts", async () => {
    const server = new TestServer();
    await server.ask("PUT", path, { SchedulerAlgorithm: "spread", RejectJobRegistration: true });
    const { SchedulerConfig, Index } = (await server.get(path)).json as { SchedulerConfig: object; Index: number };
    expect(SchedulerConfig).toMatchObject({
      SchedulerAlgorithm: "spread",
      RejectJobRegistration: true,
      PreemptionConfig: { SystemSchedulerEnabled: false },
      ModifyIndex: Index,
    });
    expect((await server.ask("PUT", "/v1/jobs", { Job: jobInput("web") })).status).toBe(403);
    const changed = await server.ask("PUT", `${path}?cas=${Index}`, { SchedulerAlgorithm: "" });
    expect(changed.json).toMatchObject({ Updated: true });
    expect((await server.get(path)).json).toMatchObject({ SchedulerConfig: { SchedulerAlgorithm: "binpack" } });
  });
});

describe("the autopilot", () => {
  const path = "/v1/operator/autopilot/configuration";

  goldenTest("configuration: the recordings' shape, values and statuses", async () => {
    const server = new TestServer();
    const before = await server.get(path);
    expect(before.json).toEqual({
      ...(JSON.parse(golden("autopilot").body) as object),
      ...{ CreateIndex: 0, ModifyIndex: 0 },
    });
    const put = await replay(server, golden("autopilot-put"));
    expect([put.status, put.text]).toEqual([200, golden("autopilot-put").body]);
    const post = await replay(server, golden("autopilot-post-404"));
    expect([post.status, post.text]).toEqual([404, golden("autopilot-post-404").body]);
  });

  test("what is left out stays; cas; durations are texts, or nanoseconds", async () => {
    const server = new TestServer();
    await server.ask("PUT", path, { ServerStabilizationTime: "1m30s", cleanupdeadservers: false });
    const set = (await server.get(path)).json as { ModifyIndex: number };
    expect(set).toMatchObject({ ServerStabilizationTime: "1m30s", CleanupDeadServers: false, MaxTrailingLogs: 250 });
    expect((await server.ask("PUT", `${path}?cas=${set.ModifyIndex + 7}`, { MinQuorum: 3 })).json).toBe(false);
    const put = await server.ask("PUT", `${path}?cas=${set.ModifyIndex}`, { MinQuorum: 3, LastContactThreshold: 5e8 });
    expect(put.json).toBe(true);
    expect((await server.get(path)).json).toMatchObject({ MinQuorum: 3, LastContactThreshold: "500ms" });
  });

  test("a value that is wrong is refused, with the name of its field", async () => {
    const server = new TestServer();
    for (const body of [
      { LastContactThreshold: "soon" },
      { ServerStabilizationTime: "-1s" },
      { MaxTrailingLogs: 1.5 },
      { CleanupDeadServers: "yes" },
    ]) {
      const answer = await server.ask("PUT", path, body);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain(Object.keys(body)[0]);
    }
    expect(server.state.index).toBe(0);
  });

  const health = (change: Partial<ServerHealth>): ServerHealth => ({
    id: uuid("1"),
    name: "golden.global",
    address: "127.0.0.1:4647",
    memberStatus: "alive",
    version: "0.1.0",
    leader: false,
    voter: true,
    healthy: true,
    lastContactMs: 12.3,
    lastTerm: 2,
    lastIndex: 53,
    stableSinceMs: Date.parse("2026-11-22T05:44:45.678Z"),
    stableMs: 1000,
    ...change,
  });

  goldenTest("health: the recording's shape", async () => {
    const server = new TestServer();
    server.health = [health({ leader: true, lastContactMs: 0 })];
    const expected = JSON.parse(golden("autopilot-health").body) as { Servers: object[] };
    const { status, json } = await server.get("/v1/operator/autopilot/health");
    expect([status, shapeOf(json)]).toEqual([200, shapeOf(expected)]);
    expect(json).toMatchObject({
      FailureTolerance: 0,
      Leader: uuid("1"),
      Servers: [{ LastContact: "0s", StableSince: "2026-11-22T05:44:45Z", LastIndex: 53 }],
    });
  });

  test("health: 429 where a server is not healthy; how many more may be lost", async () => {
    const server = new TestServer();
    server.health = [1, 2, 3].map((digit) => health({ id: uuid(String(digit)), leader: digit === 1 }));
    expect((await server.get("/v1/operator/autopilot/health")).json).toMatchObject({ FailureTolerance: 1 });
    server.health = [...server.health.slice(0, 2), health({ healthy: false, lastContactMs: undefined })];
    const { status, json } = await server.get("/v1/operator/autopilot/health");
    expect(status).toBe(429);
    expect(json).toMatchObject({ FailureTolerance: 0, Healthy: false, Servers: [{}, {}, { LastContact: "" }] });
  });
});

describe("snapshots", () => {
  const path = "/v1/operator/snapshot";

  async function filled(): Promise<TestServer> {
    const server = new TestServer();
    // More than one part, and lines longer than a part.
    for (const id of ["a", "b", "c"])
      await server.ask("PUT", "/v1/jobs", { Job: jobInput(id, { Meta: { text: `${id}ü`.repeat(70_000) } }) });
    return server;
  }

  /** The jobs without what says when they were written. */
  const jobs = (server: TestServer) =>
    JSON.stringify([...server.state.scan("jobs")].map((job) => ({ ...job, ModifyIndex: 0 })));

  test("are a gzipped tar with sums, and a digest of the whole", async () => {
    const server = await filled();
    const { headers, raw, status } = await server.get(path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "Content-Type": "application/x-gzip",
      "Content-Length": String(raw.byteLength),
      Digest: `sha-256=${createHash("sha256").update(raw).digest("base64")}`,
    });
    const tar = gunzipSync(raw);
    expect(tar.byteLength % 512).toBe(0);
    expect(tar.toString("latin1", 0, 13)).toBe("metadata.json");
    expect(tar.toString("latin1", 257, 262)).toBe("ustar");
    expect(tar.includes("SHA256SUMS")).toBe(true);
  });

  test("put the state back, at a new index", async () => {
    const server = await filled();
    const before = jobs(server);
    const { raw } = await server.get(path);
    await server.ask("DELETE", "/v1/job/a?purge=true");
    await server.ask("PUT", "/v1/jobs", { Job: jobInput("d") });
    const changed = server.state.index;
    const restored = await server.ask("PUT", path, raw);
    expect([restored.status, restored.text]).toEqual([200, ""]);
    expect(jobs(server)).toBe(before);
    expect(server.state.index).toBeGreaterThan(changed);
    expect(restored.headers["X-Nomad-Index"]).toBe(String(server.state.index));
    expect(server.state.count("restoreParts")).toBe(0);
  });

  test("that are damaged are refused, and nothing changes", async () => {
    const server = await filled();
    const { raw } = await server.get(path);
    const tar = gunzipSync(raw);
    const changedAt = (at: number, bytes: Buffer): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    const { index } = server.state;
    for (const [what, body] of [
      ["text", Buffer.from("hello")],
      ["nothing", Buffer.alloc(0)],
      ["a byte of the zipped file", changedAt(raw.byteLength >> 1, raw)],
      ["cut short", raw.subarray(0, raw.byteLength - 100)],
      ["a byte of the checksum at the end", changedAt(raw.byteLength - 6, raw)],
      ["a byte of a header", gzipSync(changedAt(3, tar))],
      ["a byte of the metadata", gzipSync(changedAt(530, tar))],
      ["a byte of the state", gzipSync(changedAt(2000, tar))],
      ["a byte of the sums", gzipSync(changedAt(tar.indexOf("SHA256SUMS\0") + 520, tar))],
      ["a tar cut short", gzipSync(tar.subarray(0, 4096))],
      ["an empty tar", gzipSync(Buffer.alloc(1024))],
    ] as const) {
      const answer = await server.ask("PUT", path, body);
      expect([what, answer.status]).toEqual([what, 400]);
      expect(answer.text).toContain("failed to restore from snapshot: ");
    }
    expect(server.state.index).toBe(index);
  });
});

goldenTest("reconcile: summaries are counted anew, the body is empty", async () => {
  const server = new TestServer();
  await server.ask("PUT", "/v1/jobs", { Job: jobInput("web") });
  const index = server.state.index;
  const answer = await replay(server, golden("reconcile"));
  expect([answer.status, answer.text]).toEqual([200, ""]);
  expect(server.state.index).toBe(index + 1);
  expect((await server.ask("POST", "/v1/system/reconcile/summaries")).status).toBe(405);
});
