import { describe, expect, test } from "@jest/globals";
import type { Allocation, Evaluation, Job, Node } from "@steppe/structs";

import { golden, goldenTest, jobInput, secretOf, shapeOf, TestServer, uuid } from "./fixture.js";

const N = uuid("a");
const A = uuid("b");

async function placed(): Promise<TestServer> {
  const server = new TestServer();
  await server.addNode(N);
  await server.ask("PUT", "/v1/jobs", { Job: jobInput("web") });
  server.place(server.state.get("jobs", "default\0web") as Job, A, N);
  return server;
}

describe("node agents", () => {
  test("registration and heartbeat tell when to be heard again and where servers are", async () => {
    const server = new TestServer();
    await server.addNode(N, "initializing");
    const beat = await server.ask("PUT", `/v1/node/${N}/heartbeat`, { Status: "ready" }, secretOf(N));
    expect(beat.json).toEqual({ HeartbeatTTL: 12e9, Servers: ["127.0.0.1:4646"], Index: server.state.index });
    expect(server.state.get("nodes", N)).toMatchObject({ Status: "ready", SecretID: `secret-of-${N}` });
    const index = server.state.index;
    await server.ask("PUT", `/v1/node/${N}/heartbeat`, { Status: "ready" }, secretOf(N));
    expect(server.state.index).toBe(index);
    expect(server.heartbeats).toHaveLength(3);
  });

  test("nothing without the node's secret", async () => {
    const server = await placed();
    const other = { "x-steppe-node-secret": `secret-of-${A}` };
    for (const [method, path, body] of [
      ["PUT", "heartbeat", { Status: "ready" }],
      ["PUT", "allocations", { Allocs: [] }],
      ["GET", "assignments", undefined],
      ["PUT", "register", { Node: { ID: N, Name: "x", Datacenter: "dc1", SecretID: `secret-of-${A}` } }],
    ] as const) {
      expect((await server.ask(method, `/v1/node/${N}/${path}`, body, other)).status).toBe(403);
      expect((await server.ask(method, `/v1/node/${N}/${path}`, body)).status).toBe(403);
    }
    const unknown = await server.ask("PUT", `/v1/node/${uuid("c")}/heartbeat`, { Status: "ready" }, other);
    expect(unknown.status).toBe(404);
  });

  test("secrets are never answered", async () => {
    const server = await placed();
    expect((await server.get(`/v1/node/${N}`)).json).toMatchObject({ ID: N, SecretID: "" });
    expect((await server.get("/v1/nodes")).text).not.toContain("secret-of");
    const guess = await server.get(`/v1/nodes?filter=${encodeURIComponent('SecretID matches "^s"')}`);
    expect(guess.status).toBe(400);
  });

  test("assignments: full allocations; the agent's own reports do not move their index", async () => {
    const server = await placed();
    const before = await server.ask("GET", `/v1/node/${N}/assignments`, undefined, secretOf(N));
    expect(before.json).toMatchObject([{ ID: A, Job: { ID: "web" }, DesiredStatus: "run" }]);
    const report = { ID: A, ClientStatus: "running", ClientDescription: "", TaskStates: {} };
    await server.ask("PUT", `/v1/node/${N}/allocations`, { Allocs: [report] }, secretOf(N));
    expect(server.state.get("allocations", A)).toMatchObject({ ClientStatus: "running" });
    const after = await server.ask("GET", `/v1/node/${N}/assignments`, undefined, secretOf(N));
    expect(after.headers["X-Nomad-Index"]).toBe(before.headers["X-Nomad-Index"]);
  });

  test("a failed allocation makes one evaluation of its job", async () => {
    const server = await placed();
    const report = { ID: A, ClientStatus: "failed" };
    await server.ask("PUT", `/v1/node/${N}/allocations`, { Allocs: [report, { ID: uuid("d") }] }, secretOf(N));
    const evaluations = (await server.get("/v1/evaluations")).json as Evaluation[];
    expect(evaluations.filter((evaluation) => evaluation.TriggeredBy === "alloc-failure")).toHaveLength(1);
    await server.ask("PUT", `/v1/node/${N}/allocations`, { Allocs: [report] }, secretOf(N));
    expect((await server.get("/v1/evaluations/count")).json).toMatchObject({ Count: evaluations.length });
  });

  test("an agent cannot speak for another node's allocations", async () => {
    const server = await placed();
    await server.addNode(uuid("f"));
    const report = { Allocs: [{ ID: A, ClientStatus: "complete" }] };
    await server.ask("PUT", `/v1/node/${uuid("f")}/allocations`, report, secretOf(uuid("f")));
    expect(server.state.get("allocations", A)).toMatchObject({ ClientStatus: "pending" });
  });

  test("a node that becomes ready is where system jobs are evaluated", async () => {
    const server = new TestServer();
    await server.ask("PUT", "/v1/jobs", { Job: jobInput("sys", { Type: "system" }) });
    await server.ask("PUT", "/v1/jobs", { Job: jobInput("web") });
    await server.addNode(N);
    const evaluations = (await server.get("/v1/evaluations")).json as Evaluation[];
    expect(evaluations.filter((evaluation) => evaluation.NodeID === N)).toMatchObject([
      { JobID: "sys", Type: "system", TriggeredBy: "node-update" },
    ]);
  });
});

describe("operators", () => {
  test("eligibility", async () => {
    const server = await placed();
    const off = await server.ask("PUT", `/v1/node/${N}/eligibility`, { Eligibility: "ineligible" });
    expect(off.json).toEqual({ NodeModifyIndex: 0, EvalIDs: null, EvalCreateIndex: 0, Index: server.state.index });
    const on = await server.ask("PUT", `/v1/node/${N}/eligibility`, { Eligibility: "eligible" });
    expect((on.json as { EvalIDs: string[] }).EvalIDs).toHaveLength(1);
    const bad = await server.ask("PUT", `/v1/node/${N}/eligibility`, { Eligibility: "maybe" });
    expect([bad.status, bad.text]).toEqual([400, 'invalid scheduling eligibility "maybe"']);
  });

  test("drain: a deadline, and its end", async () => {
    const server = await placed();
    await server.ask("PUT", `/v1/node/${N}/drain`, { DrainSpec: { Deadline: 60e9 }, Meta: { why: "kernel" } });
    const node = (await server.get(`/v1/node/${N}`)).json as Node;
    expect(node).toMatchObject({ Drain: true, SchedulingEligibility: "ineligible", LastDrain: { Status: "draining" } });
    const span = Date.parse(node.DrainStrategy?.ForceDeadline ?? "") - Date.parse(node.DrainStrategy?.StartedAt ?? "");
    expect(span).toBe(60_000);
    const eligible = await server.ask("PUT", `/v1/node/${N}/eligibility`, { Eligibility: "eligible" });
    expect(eligible.status).toBe(400);
    await server.ask("PUT", `/v1/node/${N}/drain`, { DrainSpec: null, MarkEligible: true });
    expect((await server.get(`/v1/node/${N}`)).json).toMatchObject({ Drain: false, SchedulingEligibility: "eligible" });
  });

  test("evaluate and purge", async () => {
    const server = await placed();
    const answer = await server.ask("PUT", `/v1/node/${N}/evaluate`);
    expect(answer.json).toMatchObject({
      EvalIDs: [expect.any(String)],
      NumNodes: 1,
      SchedulingEligibility: "eligible",
    });
    await server.ask("PUT", `/v1/node/${N}/purge`);
    expect((await server.get(`/v1/node/${N}`)).status).toBe(404);
    expect((await server.get(`/v1/node/${N}/allocations`)).json).toMatchObject([{ ID: A }]);
  });

  goldenTest("answers have the recorded keys", async () => {
    const server = await placed();
    const evaluate = await server.ask("PUT", `/v1/node/${N}/evaluate`);
    expect(Object.keys(evaluate.json as object)).toEqual(
      Object.keys(JSON.parse(golden("node-evaluate").body) as object),
    );
    const node = (await server.get(`/v1/node/${N}`)).json as object;
    expect(Object.keys(node)).toEqual(Object.keys(JSON.parse(golden("node").body) as object));
    const [stub] = (await server.get("/v1/nodes")).json as object[];
    expect(Object.keys(stub ?? {})).toEqual(Object.keys((JSON.parse(golden("nodes").body) as object[])[0] ?? {}));
  });

  for (const [name, status] of [
    ["node-404", 404],
    ["node-short-id", 400],
    ["nodes-405", 405],
    ["nodes-bad-bool", 400],
    ["nodes-filter-encoder-only-field", 400],
    ["node-eligibility-404", 404],
    ["drain-404", 404],
    ["drain-no-body", 400],
    ["node-purge-404", 404],
    ["alloc-404", 404],
    ["alloc-short", 400],
    ["alloc-bad-suffix", 404],
    ["allocs-prefix-bad", 400],
    ["alloc-stop-404", 404],
    ["eval-404", 404],
    ["evals-both-filters", 400],
    ["deployment-404", 404],
    ["system-gc-405", 405],
  ] as const) {
    goldenTest(name, async () => {
      const server = new TestServer();
      await server.addNode(N);
      const { request, body } = golden(name);
      const url = request.url.replace("a6a85665-b429-e7b1-7b09-97dca6b122d8", N);
      const answer = await server.ask(request.method, url, request.body);
      if (name === "alloc-bad-suffix") expect(answer.status).toBe(404);
      else expect([answer.status, answer.text]).toEqual([status, body]);
    });
  }
});

describe("allocations and evaluations", () => {
  test("lists, one, its stop", async () => {
    const server = await placed();
    const [stub] = (await server.get("/v1/allocations")).json as Allocation[];
    expect(stub).toMatchObject({
      ID: A,
      JobType: "service",
      AllocatedResources: null,
      DesiredTransition: { Migrate: null },
    });
    expect((await server.get("/v1/allocations?resources=true")).json).toMatchObject([
      { AllocatedResources: { Shared: {} } },
    ]);
    expect((await server.get(`/v1/job/web/allocations`)).json).toMatchObject([{ ID: A }]);
    expect((await server.get(`/v1/evaluation/${uuid("e")}/allocations`)).json).toMatchObject([{ ID: A }]);
    const answer = await server.ask("PUT", `/v1/allocation/${A}/stop`);
    expect(Object.keys(answer.json as object)).toEqual(["EvalID", "Index"]);
    expect((await server.get(`/v1/allocation/${A}`)).json).toMatchObject({ DesiredTransition: { Migrate: true } });
  });

  test("evaluations by job and status, counted, with kin", async () => {
    const server = await placed();
    const [first] = (await server.get("/v1/evaluations?job=web&status=pending")).json as Evaluation[];
    expect((await server.get("/v1/evaluations?status=complete")).json).toEqual([]);
    expect((await server.get("/v1/evaluations/count")).json).toMatchObject({ Count: 1, KnownLeader: true });
    const next = { ...(first as Evaluation), ID: uuid("9"), PreviousEval: first?.ID ?? "" };
    server.apply("evalUpsert", { evaluations: [next] });
    const plain = (await server.get(`/v1/evaluation/${first?.ID}`)).json as Evaluation;
    expect(plain).not.toHaveProperty("RelatedEvals");
    const related = (await server.get(`/v1/evaluation/${first?.ID}?related=true`)).json as Evaluation;
    expect(related.RelatedEvals).toMatchObject([{ ID: uuid("9"), NextEval: "", BlockedEval: "" }]);
  });
});

describe("cluster and agent", () => {
  for (const [name, url] of [
    ["status-leader", "/v1/status/leader"],
    ["status-peers", "/v1/status/peers"],
    ["regions", "/v1/regions"],
    ["agent-servers", "/v1/agent/servers"],
    ["agent-health-server", "/v1/agent/health?type=server"],
  ] as const) {
    goldenTest(name, async () => {
      const answer = await new TestServer().get(url);
      expect(answer.status).toBe(200);
      expect(shapeOf(answer.json)).toEqual(shapeOf(JSON.parse(golden(name).body)));
    });
  }

  test("members, self, metrics, garbage", async () => {
    const server = new TestServer();
    expect((await server.get("/v1/agent/members")).json).toMatchObject({
      ServerName: "golden",
      Members: [{ Name: "golden.global", Port: 4648, Status: "alive", Tags: { rpc_addr: "127.0.0.1", port: "4647" } }],
    });
    expect((await server.get("/v1/agent/self")).json).toMatchObject({
      config: { Region: "global" },
      member: { Name: "golden.global" },
      stats: { nomad: { leader: "true" }, raft: { state: "Leader" } },
    });
    expect((await server.get("/v1/metrics?format=prometheus")).headers["Content-Type"]).toContain(
      "text/plain; version=0.0.4",
    );
    const answer = await server.ask("PUT", "/v1/system/gc");
    expect([answer.status, answer.text, server.collected]).toEqual([200, "", 1]);
  });
});
