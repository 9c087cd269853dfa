import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { TWO_REGIONS } from "../../cluster/topology.mjs";
import { type AgentPlan, PATIENCE_MS, Processes, waitFor } from "./processes.js";

const hello = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../cluster/jobs/hello.json", import.meta.url)), "utf8"),
) as {
  Job: { ID: string };
};
const servers = ["global-1", "global-2", "global-3"];

interface Allocation {
  readonly ID: string;
  readonly NodeName: string;
  readonly ClientStatus: string;
  readonly DesiredStatus: string;
  readonly TaskStates: Readonly<Record<string, { State: string; Restarts: number; Events: { Type: string }[] }>> | null;
}

let cluster: Processes;

beforeAll(async () => {
  cluster = await Processes.layOut(TWO_REGIONS as AgentPlan[], {
    // A node that dies is missed within seconds rather than half a minute.
    server: { min_heartbeat_ttl: "1s", heartbeat_grace: "1s", max_heartbeats_per_second: 50 },
  });
  cluster.startAll();
  await cluster.waitForLeader("global");
  await waitFor(async () => {
    const nodes = await cluster.json<{ Status: string }[]>("global-1", "/v1/nodes");
    return nodes.filter((node) => node.Status === "ready").length === 2;
  }, "two ready nodes");
});

afterAll(() => cluster.dispose());

/** Registers until it is accepted: registering is idempotent, and right after the start leadership may still move. */
const register = (server: string, job: object) =>
  waitFor(
    () => cluster.json<{ EvalID: string; JobModifyIndex: number }>(server, "/v1/jobs", { method: "PUT", body: job }),
    "an accepted registration",
  );

const allocationsOf = (job: string) => cluster.json<Allocation[]>("global-1", `/v1/job/${job}/allocations`);

const running = (job: string) =>
  waitFor(async () => {
    const found = await allocationsOf(job);
    return found.find((allocation) => allocation.ClientStatus === "running" && allocation.DesiredStatus === "run");
  }, `a running allocation of ${job}`);

/** The process of the hello job's allocation, found by its environment as the kernel tells it. */
function processOf(allocation: string): number | undefined {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return environment.includes(`NOMAD_ALLOC_ID=${allocation}`) && command.includes("hello from");
    } catch {
      return false; // it ended while we looked
    }
  });
}

describe("a job file, registered over HTTP, runs as a real process on a real node", () => {
  let first: Allocation;

  test("it runs, and its state reads the same from every server and from the other region", async () => {
    const registered = await register("global-2", hello);
    expect(registered.EvalID).toMatch(/^[0-9a-f-]{36}$/);
    first = await running("hello");
    expect(processOf(first.ID)).toBeDefined();
    expect(first.TaskStates?.["greet"]?.Events.map((event) => event.Type)).toEqual([
      "Received",
      "Task Setup",
      "Started",
    ]);

    await waitFor(async () => {
      const texts = new Set<string>();
      for (const path of ["/v1/job/hello", `/v1/allocation/${first.ID}`, "/v1/job/hello/evaluations", "/v1/nodes"]) {
        texts.clear();
        for (const server of servers) {
          texts.add((await cluster.request(server, `${path}?stale`)).text);
          texts.add((await cluster.request(server, path)).text);
          texts.add((await cluster.request(server, `${path}?consistent`)).text);
        }
        texts.add((await cluster.request("eu-1", `${path}?region=global`)).text);
        if (texts.size !== 1) return false;
      }
      return true;
    }, "equal answers of every server");
    expect(await cluster.json("eu-1", "/v1/jobs")).toEqual([]);
    expect(await cluster.json("global-1", "/v1/regions")).toEqual(["eu", "global"]);
  });

  test("its output is in log files on the node", async () => {
    const directory = cluster.agent(first.NodeName).dataDir;
    await waitFor(() => {
      const file = `${directory}/alloc/${first.ID}/alloc/logs/greet.stdout.0`;
      return Promise.resolve(
        existsSync(file) && readFileSync(file, "utf8").includes(`hello from ${first.ID} on ${first.NodeName}`),
      );
    }, "hello in the log");
  });

  test("it outlives the node agent, which finds it again", async () => {
    const pid = processOf(first.ID);
    await cluster.kill(first.NodeName, "SIGKILL");
    expect(processOf(first.ID)).toBe(pid);
    cluster.start(first.NodeName);
    await waitFor(async () => {
      const nodes = await cluster.json<{ Name: string; Status: string }[]>("global-1", "/v1/nodes");
      return nodes.every((node) => node.Status === "ready");
    }, "the node to be ready again");
    const again = await running("hello");
    if (again.ID === first.ID) expect(processOf(first.ID)).toBe(pid);
    first = again;
  });

  test("it moves to another node when its node is lost", async () => {
    const before = await running("hello");
    const lost = before.NodeName;
    await cluster.kill(lost, "SIGKILL");
    const moved = await waitFor(async () => {
      const found = await allocationsOf("hello");
      return found.find((allocation) => allocation.NodeName !== lost && allocation.ClientStatus === "running");
    }, "the allocation on the other node");
    expect((await allocationsOf("hello")).find((allocation) => allocation.ID === before.ID)?.ClientStatus).toBe("lost");
    // The node comes back and ends what is no longer its own.
    cluster.start(lost);
    await waitFor(() => Promise.resolve(processOf(before.ID) === undefined), "the end of the old process");
    expect(processOf(moved.ID)).toBeDefined();
    first = moved;
  });

  test("stopping the job stops its process", async () => {
    expect(processOf(first.ID)).toBeDefined();
    const answer = await cluster.request("global-3", "/v1/job/hello", { method: "DELETE" });
    expect(answer.status).toBe(200);
    await waitFor(() => Promise.resolve(processOf(first.ID) === undefined), "the end of the process");
    await waitFor(async () => {
      const job = await cluster.json<{ Stop: boolean; Status: string }>("global-1", "/v1/job/hello");
      return job.Stop && job.Status === "dead";
    }, "a dead job");
  });
});

describe("capacity", () => {
  test("what finds no room waits, and runs when there is room", async () => {
    const big = (id: string, count: number, memoryMB: number) => ({
      Job: {
        ID: id,
        Name: id,
        Datacenters: ["dc1"],
        TaskGroups: [
          {
            Name: "g",
            Count: count,
            EphemeralDisk: { SizeMB: 10 },
            Tasks: [
              {
                Name: "t",
                Driver: "mock_driver",
                Config: { run_for: "1h" },
                LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
                Resources: { CPU: 10, MemoryMB: memoryMB },
              },
            ],
          },
        ],
      },
    });
    const node = await cluster.json<{ ID: string }[]>("global-1", "/v1/nodes");
    const full = await cluster.json<{ NodeResources: { Memory: { MemoryMB: number } } }>(
      "global-1",
      `/v1/node/${node[0]?.ID}`,
    );
    const memoryMB = Math.floor(full.NodeResources.Memory.MemoryMB * 0.6);
    await register("global-1", big("large", 2, memoryMB));
    await waitFor(
      async () => (await allocationsOf("large")).filter((row) => row.ClientStatus === "running").length === 2,
      "both nodes full",
    );
    await register("global-1", big("waits", 1, memoryMB));
    const blocked = await waitFor(async () => {
      const evaluations = await cluster.json<{ Status: string }[]>("global-1", "/v1/job/waits/evaluations");
      return evaluations.find((evaluation) => evaluation.Status === "blocked");
    }, "a blocked evaluation");
    expect(blocked).toBeDefined();
    expect(await allocationsOf("waits")).toEqual([]);
    await cluster.request("global-1", "/v1/job/large", { method: "DELETE" });
    await running("waits");
    await cluster.request("global-1", "/v1/job/waits", { method: "DELETE" });
  });
});

/** What was registered, without what evaluations and allocations still change. */
const registered = async () => {
  const jobs = await cluster.json<{ ID: string; Version: number; JobModifyIndex: number }[]>("global-1", "/v1/jobs");
  return jobs.map(({ ID, Version, JobModifyIndex }) => ({ ID, Version, JobModifyIndex }));
};

describe("bad input gets a clear error and changes nothing", () => {
  test.each([
    ["malformed JSON", "PUT", "/v1/jobs", '{"Job":', 400, "unexpected EOF"],
    ["wrong type", "PUT", "/v1/jobs", '{"Job":{"ID":5}}', 400, /ID/],
    ["no body", "PUT", "/v1/jobs", undefined, 400, "Request body is empty"],
    ["unknown job", "GET", "/v1/job/none", undefined, 404, "job not found"],
    ["wrong method", "PATCH", "/v1/jobs", "{}", 405, "Invalid method"],
    ["unknown path", "GET", "/v1/nope", undefined, 404, ""],
    ["absurd wait", "GET", "/v1/jobs?index=1&wait=forever", undefined, 400, "Invalid wait time"],
    ["absurd index", "GET", "/v1/jobs?index=-x", undefined, 400, "Invalid index"],
    ["two modes", "GET", "/v1/jobs?stale&consistent", undefined, 400, /stale.*consistent|consistent.*stale/i],
    ["unknown region", "GET", "/v1/jobs?region=mars", undefined, undefined, /No path to region/],
    ["oversized body", "PUT", "/v1/jobs", JSON.stringify({ Job: { ID: "x".repeat(40 * 1024 * 1024) } }), 413, /./],
  ])("%s", async (_name, method, path, body, status, text) => {
    const before = await registered();
    const answer = await cluster.request("global-1", path, { method, ...(body === undefined ? {} : { body }) });
    if (status !== undefined) expect(answer.status).toBe(status);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    if (typeof text === "string") expect(answer.text).toBe(text);
    else expect(answer.text).toMatch(text);
    if (status === 405) expect(answer.headers.get("allow")).toMatch(/GET/);
    expect(await registered()).toEqual(before);
  });
});

describe("an agent's life", () => {
  test("SIGTERM ends every agent cleanly", async () => {
    expect(await cluster.kill("eu-client-1", "SIGTERM")).toBe(0);
    expect(await cluster.kill("eu-1", "SIGINT")).toBe(0);
  });

  test(
    "without a quorum default reads and writes say so in time, and stale reads go on",
    async () => {
      const leader = await cluster.waitForLeader("global");
      const others = servers.filter((name) => name !== leader);
      await Promise.all([leader, others[0] as string].map((name) => cluster.kill(name, "SIGKILL")));
      const left = others[1] as string;
      const read = await cluster.request(left, "/v1/jobs", { timeoutMs: PATIENCE_MS });
      expect([read.status, read.text]).toEqual([500, "No cluster leader"]);
      const write = await cluster.request(left, "/v1/jobs", { method: "PUT", body: hello, timeoutMs: PATIENCE_MS });
      expect([write.status, write.text]).toEqual([500, "No cluster leader"]);
      const stale = await cluster.request(left, "/v1/jobs?stale");
      expect(stale.status).toBe(200);
      expect(stale.headers.get("x-nomad-knownleader")).toBe("false");
      expect(Number(stale.headers.get("x-nomad-lastcontact"))).toBeGreaterThan(0);
    },
    3 * PATIENCE_MS,
  );
});
