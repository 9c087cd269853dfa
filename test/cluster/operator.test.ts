import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { type AgentPlan, Processes, waitFor } from "./processes.js";

const NAMES = ["one", "two", "three", "four"];
const FIRST = NAMES.slice(0, 3);
const plan: AgentPlan[] = NAMES.map((name) => ({ name, region: "global", role: "server" }));

interface RaftServer {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Leader: boolean;
  readonly Voter: boolean;
}

interface StateHash {
  readonly Index: number;
  readonly Hash: string;
}

let cluster: Processes;

beforeAll(async () => {
  cluster = await Processes.layOut(plan, {
    server: { bootstrap_expect: 3 },
    config: { autopilot: { server_stabilization_time: "1s", last_contact_threshold: "5s" } },
  });
  const { file } = cluster.agent("four");
  const config = JSON.parse(readFileSync(file, "utf8")) as { server: { bootstrap_expect: number } };
  config.server.bootstrap_expect = 0;
  writeFileSync(file, JSON.stringify(config));
  for (const name of FIRST) cluster.start(name);
  await cluster.waitForLeader("global");
});

afterAll(() => cluster.dispose());

async function servers(asked: string, query = ""): Promise<RaftServer[]> {
  const path = `/v1/operator/raft/configuration${query}`;
  return (await cluster.json<{ Servers: RaftServer[] }>(asked, path)).Servers;
}

const nameOf = (server: RaftServer): string => server.Node.replace(/\.global$/, "");

async function serverOf(name: string): Promise<RaftServer> {
  const found = (await servers(anybody())).find((server) => nameOf(server) === name);
  if (found === undefined) throw new Error(`${name} is not in the configuration`);
  return found;
}

const anybody = (): string => cluster.running()[0]?.name as string;

/** Waits until exactly these servers are in the configuration, and all of them vote. */
function waitForVoters(names: readonly string[]): Promise<unknown> {
  const wanted = [...names].sort().join();
  return waitFor(async () => {
    const now = await servers(anybody());
    return now.map(nameOf).sort().join() === wanted && now.every((server) => server.Voter);
  }, `the voters ${wanted}`);
}

const job = (id: string) => ({
  Job: {
    ID: id,
    Datacenters: ["dc1"],
    Meta: { text: `${id}ü`.repeat(20_000) },
    TaskGroups: [{ Name: "g", Count: 0, Tasks: [{ Name: "t", Driver: "mock_driver" }] }],
  },
});

async function register(id: string): Promise<void> {
  const put = { method: "PUT", body: job(id) };
  await waitFor(async () => (await cluster.request(anybody(), "/v1/jobs", put)).status === 200, `job ${id}`);
}

const jobIDs = async (name: string): Promise<string[]> =>
  (await cluster.json<{ ID: string }[]>(name, "/v1/jobs?stale")).map((row) => row.ID).sort();

/** Resolves when all running servers have the same state at the same index, twice in a row. */
async function equalStates(): Promise<StateHash> {
  let before: string | undefined;
  return waitFor(async () => {
    const names = cluster.running().map((agent) => agent.name);
    const states = await Promise.all(names.map((name) => cluster.json<StateHash>(name, "/v1/status/state")));
    const [first] = states as [StateHash];
    if (states.some((state) => state.Index !== first.Index)) return undefined;
    expect(states.map((state) => state.Hash)).toEqual(states.map(() => first.Hash));
    const known = before === first.Hash;
    before = first.Hash;
    return known ? first : undefined;
  }, "all servers at rest at the same index");
}

async function snapshot(name: string, body?: Buffer): Promise<{ status: number; headers: Headers; bytes: Buffer }> {
  const response = await fetch(`http://${cluster.agent(name).http}/v1/operator/snapshot`, {
    ...(body === undefined ? {} : { method: "PUT", body: new Uint8Array(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** A running server that does not lead. */
async function follower(): Promise<string> {
  const leader = await cluster.waitForLeader("global");
  return cluster.running().find((agent) => agent.name !== leader)?.name as string;
}

function autopilot(config: object): Promise<unknown> {
  const put = { method: "PUT", body: config };
  return waitFor(
    async () => (await cluster.json(anybody(), "/v1/operator/autopilot/configuration", put)) === true,
    "the autopilot's configuration",
  );
}

test("every server knows the configuration, and all are healthy", async () => {
  const leader = await cluster.waitForLeader("global");
  for (const name of FIRST) {
    for (const query of ["", "?stale"]) {
      const found = await servers(name, query);
      expect(found.map(nameOf).sort()).toEqual([...FIRST].sort());
      expect(found.filter((server) => server.Leader).map(nameOf)).toEqual([leader]);
      expect(found.every((server) => server.Voter)).toBe(true);
    }
  }
  await waitFor(
    async () => (await cluster.request(anybody(), "/v1/operator/autopilot/health")).status === 200,
    "healthy servers",
  );
  // The leader sets what its configuration file says, a moment after it was elected.
  const path = "/v1/operator/autopilot/configuration";
  const config = await waitFor(async () => {
    const now = await cluster.json<{ ModifyIndex: number }>(anybody(), path);
    return now.ModifyIndex > 0 && now;
  }, "the autopilot's first configuration");
  expect(config).toMatchObject({ ServerStabilizationTime: "1s", LastContactThreshold: "5s" });
});

test("leadership goes where it is sent", async () => {
  for (const by of ["id", "address"]) {
    const target = await follower();
    const server = await serverOf(target);
    const path = `/v1/operator/raft/transfer-leadership?${by}=${by === "id" ? server.ID : server.Address}`;
    await waitFor(async () => {
      await cluster.request(target, path, { method: "PUT" });
      return (await cluster.leader("global")) === target;
    }, `${target} to lead`);
  }
});

test("a fourth server joins, catches up and is given a vote", async () => {
  await register("before-four");
  cluster.start("four");
  await waitForVoters(NAMES);
  expect((await equalStates()).Index).toBeGreaterThan(1);
});

test("a peer that was killed is removed by hand, and comes back as a new one", async () => {
  await autopilot({ CleanupDeadServers: false });
  const victim = await follower();
  const { Address } = await serverOf(victim);
  await cluster.kill(victim, "SIGKILL");
  await cluster.waitForLeader("global");
  const path = `/v1/operator/raft/peer?address=${Address}`;
  await waitFor(
    async () => (await cluster.request(anybody(), path, { method: "DELETE" })).status === 200,
    "the removal",
  );
  await waitForVoters(NAMES.filter((name) => name !== victim));
  cluster.start(victim);
  await waitForVoters(NAMES);
});

test("a server that has failed is removed by the autopilot", async () => {
  await autopilot({ CleanupDeadServers: true });
  await cluster.waitForLeader("global");
  await cluster.kill("four", "SIGKILL");
  await waitForVoters(FIRST);
});

test("a snapshot puts the state back on every server; a damaged one changes nothing", async () => {
  for (let n = 0; n < 20; n++) await register(`kept-${n}`);
  const { status, headers, bytes } = await snapshot(await follower());
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("application/x-gzip");
  expect(headers.get("digest")).toMatch(/^sha-256=/);
  const kept = await jobIDs(await cluster.waitForLeader("global"));
  for (let n = 0; n < 5; n++) await register(`later-${n}`);
  await cluster.request(anybody(), "/v1/job/kept-0?purge=true", { method: "DELETE" });
  const before = await equalStates();

  for (const name of FIRST) {
    const damaged = Buffer.from(bytes);
    damaged[damaged.byteLength >> 1] = (damaged[damaged.byteLength >> 1] ?? 0) ^ 0xff;
    const answer = await snapshot(name, damaged);
    expect([answer.status, answer.bytes.toString()]).toEqual([400, expect.stringContaining("failed to restore")]);
  }
  expect(await equalStates()).toEqual(before);

  expect((await snapshot(await follower(), bytes)).status).toBe(200);
  const after = await equalStates();
  expect(after.Index).toBeGreaterThan(before.Index);
  for (const name of FIRST) expect(await jobIDs(name)).toEqual(kept);
  await register("after-restore");

  // What was restored survives a restart, from the log or from the disk.
  const restarted = await follower();
  await cluster.kill(restarted, "SIGKILL");
  cluster.start(restarted);
  await cluster.waitForLeader("global");
  await equalStates();
  expect(await jobIDs(restarted)).toEqual([...kept, "after-restore"].sort());
});

test("a lost quorum is recovered by a peers file, with all that was acknowledged", async () => {
  // Nobody is to be removed while the test takes the servers away.
  await autopilot({ CleanupDeadServers: false });
  await register("last");
  const acknowledged = await jobIDs(await cluster.waitForLeader("global"));
  const all = await servers(anybody());
  const [survivor, ...lost] = FIRST as [string, string, string];
  await Promise.all(lost.map((name) => cluster.kill(name, "SIGKILL")));
  await waitFor(async () => (await cluster.json(survivor, "/v1/status/leader")) === "", "the loss to be noticed");
  await cluster.kill(survivor, "SIGTERM");

  const file = join(cluster.agent(survivor).dataDir, "raft", "peers.json");
  const { ID, Address } = all.find((server) => nameOf(server) === survivor) as RaftServer;
  writeFileSync(file, JSON.stringify([{ id: ID, address: Address }]));
  cluster.start(survivor);
  await waitFor(async () => (await cluster.leader("global")) === survivor, `${survivor} to lead alone`);
  expect(existsSync(file)).toBe(false);
  expect(existsSync(`${file}.applied`)).toBe(true);
  expect((await servers(survivor)).map(nameOf)).toEqual([survivor]);
  // A write, so that whatever the log had has been applied.
  await register("recovered");
  expect(await jobIDs(survivor)).toEqual([...acknowledged, "recovered"].sort());

  // The others come back with empty disks.
  for (const name of lost) {
    rmSync(cluster.agent(name).dataDir, { recursive: true, force: true });
    cluster.start(name);
  }
  await waitForVoters(FIRST);
  await equalStates();
});
