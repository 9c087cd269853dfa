import http from "node:http";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { ask, Cluster, idsOf, run, type Running, until } from "./fixture.js";

let server: Running;
beforeEach(async () => {
  server = await run();
  server.cluster.register("web");
  server.cluster.register("api");
});
afterEach(() => server.stop());

const waiting = (count: number): Promise<void> => until(() => server.pipeline.waiting === count, `${count} waiting`);

describe("blocking queries", () => {
  test("an index from the past and index 0 answer at once", async () => {
    expect(idsOf(await server.get("/v1/jobs?index=1&wait=10s"))).toEqual(["api", "web"]);
    expect(idsOf(await server.get("/v1/jobs?index=0&wait=10s"))).toEqual(["api", "web"]);
  });

  test("a write to what was read wakes, with the new index", async () => {
    const { index } = server.cluster;
    const answer = server.get(`/v1/jobs?index=${index}&wait=60s`);
    await waiting(1);
    const next = server.cluster.register("db");
    const { headers, ...rest } = await answer;
    expect(headers["x-nomad-index"]).toBe(String(next));
    expect(idsOf({ headers, ...rest })).toEqual(["api", "db", "web"]);
    expect(server.cluster.state.watcherCount).toBe(0);
  });

  test("a write to another object does not wake; to the object it does", async () => {
    const { state } = server.cluster;
    const known = state.get("jobs", "default\0web")?.ModifyIndex ?? 0;
    const answer = server.get(`/v1/job/web?index=${known}&wait=60s`);
    await waiting(1);
    server.cluster.register("api", { Priority: 60 });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(server.pipeline.waiting).toBe(1);
    const next = server.cluster.register("web", { Priority: 61 });
    expect((await answer).headers["x-nomad-index"]).toBe(String(next));
    expect((await answer).json()).toMatchObject({ ID: "web", Priority: 61 });
  });

  test("an object that does not exist yet is waited for", async () => {
    const { index } = server.cluster;
    const answer = server.get(`/v1/job/new?index=${index}&wait=60s`);
    await waiting(1);
    server.cluster.register("new");
    expect((await answer).status).toBe(200);
  });

  test("when the time is over, the answer is what there is", async () => {
    const { index } = server.cluster;
    const now = await server.get(`/v1/jobs?index=${index}&wait=30ms`);
    expect(now.headers["x-nomad-index"]).toBe(String(index));
    const future = await server.get(`/v1/jobs?index=${index + 100}&wait=30ms`);
    expect(future.headers["x-nomad-index"]).toBe(String(index));
    const missing = await server.get(`/v1/job/none?index=${index}&wait=30ms`);
    expect([missing.status, missing.text]).toEqual([404, "job not found"]);
    expect(server.cluster.state.watcherCount).toBe(0);
  });

  test.each([
    ["wait=5", "Invalid wait time"],
    ["wait=x&index=3", "Invalid wait time"],
    ["index=-1", "Invalid index"],
    ["index=x", "Invalid index"],
    ["index=1.5", "Invalid index"],
  ])("%s is refused", async (query, text) => {
    const answer = await server.get(`/v1/jobs?${query}`);
    expect([answer.status, answer.text]).toEqual([400, text]);
  });

  test("a client that goes away leaves nothing behind", async () => {
    const { index } = server.cluster;
    const request = http.get({ port: server.port, path: `/v1/jobs?index=${index}&wait=60s`, agent: false });
    request.on("error", () => undefined);
    await waiting(1);
    request.destroy();
    await waiting(0);
    expect(server.cluster.state.watcherCount).toBe(0);
  });

  test("a restore answers everybody, with the index that there is now", async () => {
    const other = new Cluster();
    other.register("x");
    const { index } = server.cluster;
    const answer = server.get(`/v1/jobs?index=${index + 50}&wait=60s`);
    await waiting(1);
    await server.cluster.state.restore(other.state.snapshotChunks());
    expect(idsOf(await answer)).toEqual(["x"]);
    expect((await answer).headers["x-nomad-index"]).toBe(String(other.index));
  });

  test("those who know different indexes wait for different writes, on one watch", async () => {
    const { index } = server.cluster;
    const near = server.get(`/v1/jobs?index=${index}&wait=60s`);
    const far = server.get(`/v1/jobs?index=${index + 1}&wait=60s`);
    await waiting(2);
    expect(server.cluster.state.watcherCount).toBe(1);
    server.cluster.register("c");
    expect((await near).headers["x-nomad-index"]).toBe(String(index + 1));
    expect(server.pipeline.waiting).toBe(1);
    server.cluster.register("d");
    expect((await far).headers["x-nomad-index"]).toBe(String(index + 2));
  });

  test("many watchers of one list are answered by one write", async () => {
    const { index } = server.cluster;
    const answers = Array.from({ length: 500 }, () => ask(server.port, "GET", `/v1/jobs?index=${index}&wait=60s`));
    await waiting(500);
    expect(server.cluster.state.watcherCount).toBe(1);
    const next = server.cluster.register("c");
    for (const answer of await Promise.all(answers)) expect(answer.headers["x-nomad-index"]).toBe(String(next));
  });

  test("a leader that lost its lease while it waited confirms that it leads", async () => {
    const { index } = server.cluster;
    const answer = server.get(`/v1/jobs?index=${index}&wait=60s`);
    await waiting(1);
    server.raft.lease = false;
    server.cluster.register("c");
    expect(idsOf(await answer)).toEqual(["api", "c", "web"]);
    expect(server.raft.readIndexes).toBe(1);
  });

  test("an evaluation that fails answers those who wait with the error", async () => {
    let broken = false;
    const failing = await run({
      handlers: {
        getJob: (view) => {
          if (broken) throw new Error("the handler is broken");
          return { data: {}, index: view.tableIndex("jobs") };
        },
      },
    });
    const index = failing.cluster.register("web");
    const answer = failing.get(`/v1/job/web?index=${index}&wait=60s`);
    await until(() => failing.pipeline.waiting === 1, "one waiting");
    broken = true;
    failing.cluster.register("other");
    expect([(await answer).status, (await answer).text]).toEqual([500, "the handler is broken"]);
    await failing.stop();
  });
});
