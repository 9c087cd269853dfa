import http from "node:http";

import { SteppeError } from "@steppe/shared";
import { afterEach, describe, expect, test } from "@jest/globals";

import { fromWireRequest, toWireRequest, type ApiResponse } from "../../src/http/api-message.js";
import type { RpcCall } from "../../src/rpc/types.js";
import { httpErrors } from "../../src/http/errors.js";
import type { CallLeader } from "../../src/http/leader-calls.js";
import { Cluster, FakeRaft, idsOf, makePipeline, run, type RunOptions, type Running, until } from "./fixture.js";

const running: Running[] = [];
afterEach(() => Promise.all(running.splice(0).map((server) => server.stop())));

async function start(options: RunOptions = {}): Promise<Running> {
  const server = await run(options);
  running.push(server);
  return server;
}

/** A follower whose leader is a second pipeline, reached as over frames. */
async function startPair(): Promise<{ follower: Running; leader: Cluster; leaderRaft: FakeRaft; calls: string[] }> {
  const leader = new Cluster();
  const leaderRaft = new FakeRaft();
  const pipeline = makePipeline(leader, leaderRaft);
  const calls: string[] = [];
  const callLeader: CallLeader = async (request) => {
    const wire = toWireRequest(request);
    calls.push(`${wire.method} ${wire.url}`);
    return pipeline.handle(fromWireRequest(wire, request as RpcCall));
  };
  const follower = await start({ callLeader });
  follower.raft.follow();
  return { follower, leader, leaderRaft, calls };
}

describe("consistency of reads", () => {
  test("default: the leader answers under its lease", async () => {
    const { get, cluster, raft } = await start();
    cluster.register("a");
    const { headers } = await get("/v1/jobs");
    expect([headers["x-nomad-knownleader"], headers["x-nomad-lastcontact"]]).toEqual(["true", "0"]);
    expect(raft.readIndexes).toBe(0);
  });

  test("default: a leader without a lease asks a quorum first", async () => {
    const { get, raft } = await start();
    raft.lease = false;
    expect((await get("/v1/jobs")).status).toBe(200);
    expect(raft.readIndexes).toBe(1);
  });

  test("default: a follower sends it to the leader, with what matters of its headers", async () => {
    const { follower, leader, calls } = await startPair();
    for (let n = 0; n < 20; n++) leader.register(`only-on-the-leader-${n}`);
    const answer = await follower.get("/v1/jobs?prefix=only", { "Accept-Encoding": "gzip" });
    expect(calls).toEqual(["GET /v1/jobs?prefix=only"]);
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect([answer.headers["x-nomad-knownleader"], answer.headers["x-nomad-lastcontact"]]).toEqual(["true", "0"]);
  });

  test("stale: any server answers from what it has, and says how old it may be", async () => {
    const { get, raft, cluster } = await start();
    cluster.register("a");
    raft.follow();
    raft.contactMs = 123.4;
    const answer = await get("/v1/jobs?stale");
    expect(idsOf(answer)).toEqual(["a"]);
    expect([answer.headers["x-nomad-knownleader"], answer.headers["x-nomad-lastcontact"]]).toEqual(["true", "123"]);
    raft.leaderNumber = 0;
    expect((await get("/v1/jobs?stale=")).headers["x-nomad-knownleader"]).toBe("false");
  });

  test("consistent: any server confirms with a quorum, then answers itself", async () => {
    const { get, raft, cluster } = await start();
    raft.follow();
    raft.onReadIndex = async () => void cluster.register("applied-before-the-read-index-resolved");
    expect(idsOf(await get("/v1/jobs?consistent"))).toHaveLength(1);
    expect(raft.readIndexes).toBe(1);
  });

  test("stale and consistent together, and what is neither true nor false, are refused", async () => {
    const { get } = await start();
    expect((await get("/v1/jobs?stale&consistent")).status).toBe(400);
    const bad = await get("/v1/jobs?stale=maybe");
    expect([bad.status, bad.text]).toEqual([400, "Expect `true` or `false` for `stale` query string parameter"]);
  });

  test("without a leader a read waits for one, for a bounded time", async () => {
    const { get, raft } = await start({ leaderWaitMs: 100 });
    raft.follow(0);
    const answer = await get("/v1/jobs");
    expect([answer.status, answer.text, answer.headers["content-type"]]).toEqual([
      500,
      "No cluster leader",
      "text/plain; charset=utf-8",
    ]);
    raft.onReadIndex = () => Promise.reject(new SteppeError("noLeader", "none", 500));
    expect((await get("/v1/jobs?consistent")).text).toBe("No cluster leader");
  });

  test("a leader that comes in time is not missed", async () => {
    const { get, raft, cluster } = await start();
    cluster.register("a");
    raft.follow(0);
    const answer = get("/v1/jobs");
    setTimeout(() => {
      raft.leading = raft.lease = true;
      raft.leaderNumber = 1;
    }, 60);
    expect(idsOf(await answer)).toEqual(["a"]);
  });

  test("whoever is taken for the leader and is not says so, and is not asked for more", async () => {
    const { follower, leader, leaderRaft, calls } = await startPair();
    leader.register("a");
    leaderRaft.follow(0);
    const answer = follower.get("/v1/jobs");
    await until(() => calls.length > 1, "asked again");
    leaderRaft.leading = leaderRaft.lease = true;
    expect(idsOf(await answer)).toEqual(["a"]);
  });

  test("a leader that does not answer is given up when another one leads", async () => {
    const leader = new Cluster();
    leader.register("a");
    const pipeline = makePipeline(leader, new FakeRaft());
    let asked = 0;
    const follower = await start({
      callLeader: (request) =>
        ++asked === 1
          ? new Promise<ApiResponse>(() => undefined)
          : Promise.resolve(pipeline.handle(fromWireRequest(toWireRequest(request), request as RpcCall))),
    });
    follower.raft.follow(2);
    const answer = follower.get("/v1/jobs");
    await until(() => asked === 1, "asked the first leader");
    follower.raft.leaderNumber = 3;
    expect(idsOf(await answer)).toEqual(["a"]);
  });

  test("a blocking query waits on the leader; a client that goes cancels it there", async () => {
    const { follower, leader } = await startPair();
    leader.register("a");
    const answer = follower.get(`/v1/jobs?index=${leader.index}&wait=60s`);
    await until(() => leader.state.watcherCount === 1, "one waiting on the leader");
    leader.register("b");
    expect(idsOf(await answer)).toEqual(["a", "b"]);
    const path = `/v1/jobs?index=${leader.index}&wait=60s`;
    const request = http.get({ port: follower.port, path, agent: false }).on("error", () => undefined);
    await until(() => leader.state.watcherCount === 1, "one waiting on the leader");
    request.destroy();
    await until(() => leader.state.watcherCount === 0, "nobody waiting on the leader");
  });
});

describe("writes", () => {
  test("a follower sends them to the leader, body and all", async () => {
    const bodies: unknown[] = [];
    const pipeline = makePipeline(new Cluster(), new FakeRaft(), {
      handlers: {
        registerJob: (_, { body }) => {
          bodies.push(body);
          return Promise.resolve({ data: { ok: true }, index: 9 });
        },
      },
    });
    const follower = await start({
      callLeader: (request) =>
        Promise.resolve(pipeline.handle(fromWireRequest(toWireRequest(request), request as RpcCall))),
    });
    follower.raft.follow();
    const answer = await follower.send("PUT", "/v1/jobs", '{"Job":{"ID":"x"}}');
    expect([answer.status, answer.text, answer.headers["x-nomad-index"]]).toEqual([200, '{"ok":true}', "9"]);
    expect(bodies).toEqual([{ Job: { ID: "x" } }]);
  });

  test("one that was not sent is sent again; one that may have been done is not", async () => {
    let calls = 0;
    const follower = await start({
      callLeader: () => {
        calls++;
        if (calls < 3) return Promise.reject(httpErrors.notSent());
        return Promise.reject(new Error("connection reset"));
      },
    });
    follower.raft.follow();
    const answer = await follower.send("PUT", "/v1/jobs", "{}");
    expect([answer.status, calls]).toEqual([500, 3]);
    expect(answer.text).toContain("may or may not have been done");
  });

  test("a proposal that never got into the log is made again by whoever leads then", async () => {
    let attempts = 0;
    const server = await start({
      handlers: {
        collectGarbage: async () => {
          attempts++;
          if (attempts === 1) throw new SteppeError("noLeader", "No cluster leader", 500);
          return {};
        },
      },
    });
    const answer = await server.send("PUT", "/v1/system/gc");
    expect([answer.status, answer.text, attempts]).toEqual([200, "", 2]);
  });

  test("an unknown outcome is answered as such", async () => {
    const server = await start({
      handlers: { collectGarbage: () => Promise.reject(new SteppeError("unknownOutcome", "leadership lost", 500)) },
    });
    const answer = await server.send("PUT", "/v1/system/gc");
    expect([answer.status, answer.text]).toEqual([500, "leadership lost"]);
  });

  test("a leader without a lease confirms that it leads before it checks anything", async () => {
    const server = await start();
    server.raft.lease = false;
    expect((await server.send("PUT", "/v1/jobs", "{}")).status).toBe(200);
    expect(server.raft.readIndexes).toBe(1);
  });
});
