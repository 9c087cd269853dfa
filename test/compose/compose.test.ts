import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { waitFor } from "../cluster/processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const project = "steppetest";

/** The command that talks to the engine, or why there is none. */
function findCompose(): { compose?: [string, string[]]; reason: string } {
  if (process.env["DOCKER_HOST"] === undefined && !existsSync("/var/run/docker.sock")) {
    return { reason: "no container engine: DOCKER_HOST is not set and /var/run/docker.sock is not there" };
  }
  if (spawnSync("docker-compose", ["version"]).status === 0) return { compose: ["docker-compose", []], reason: "" };
  if (spawnSync("docker", ["compose", "version"]).status === 0) return { compose: ["docker", ["compose"]], reason: "" };
  return { reason: "neither docker-compose nor docker compose is installed" };
}

const { compose, reason } = findCompose();
if (compose === undefined) process.stderr.write(`test/compose is skipped: ${reason}\n`);

const http: Readonly<Record<string, string>> = {
  "global-1": "127.0.0.1:4646",
  "global-2": "127.0.0.1:4656",
  "global-3": "127.0.0.1:4666",
  "eu-1": "127.0.0.1:4696",
};

async function composeRun(...args: string[]): Promise<string> {
  const [command, first] = compose as [string, string[]];
  const { stdout } = await run(command, [...first, "-p", project, ...args], { cwd: root, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

async function request(server: string, path: string, options: { method?: string; body?: unknown } = {}) {
  const response = await fetch(`http://${http[server]}${path}`, {
    method: options.method ?? "GET",
    signal: AbortSignal.timeout(20_000),
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} at ${server}: ${response.status} ${text}`);
  return { json: JSON.parse(text) as unknown, headers: response.headers };
}

/** The image: podman needs the host's network and, behind a proxy of its own authority, that authority's certificate. */
async function buildImage(): Promise<void> {
  const certificates = process.env["NODE_EXTRA_CA_CERTS"];
  if (spawnSync("podman", ["--version"]).status !== 0) {
    await composeRun("build");
    return;
  }
  const authority =
    certificates === undefined ? [] : ["-v", `${certificates}:/ca.pem:ro`, "--env", "NODE_EXTRA_CA_CERTS=/ca.pem"];
  await run(
    "podman",
    ["build", "--format=docker", "--network=host", ...authority, "-t", "docker.io/library/steppe:local", "."],
    {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
}

const job = {
  Job: {
    ID: "composed",
    Name: "composed",
    Datacenters: ["dc1"],
    TaskGroups: [
      {
        Name: "g",
        EphemeralDisk: { SizeMB: 10 },
        Tasks: [
          {
            Name: "t",
            Driver: "raw_exec",
            Config: { command: "/bin/sleep", args: ["3600"] },
            Resources: { CPU: 20, MemoryMB: 16 },
            LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
          },
        ],
      },
    ],
  },
};

const describeWithEngine = compose === undefined ? describe.skip : describe;

describeWithEngine("two regions in containers", () => {
  beforeAll(async () => {
    await buildImage();
    await composeRun("down", "-v").catch(() => undefined);
    await composeRun("up", "-d", "--no-build");
  }, 20 * 60_000);

  afterAll(async () => {
    await composeRun("down", "-v");
  }, 5 * 60_000);

  const leaderOf = async (servers: string[]) => {
    const said = (await request(servers[0] as string, "/v1/status/leader")).json as string;
    return servers.find((server) => said === `${server}:4647`);
  };

  test(
    "a job is registered, runs, is read default, stale and across regions, and survives the loss of the leader",
    async () => {
      const servers = ["global-1", "global-2", "global-3"];
      const patienceMs = 3 * 60_000;
      const leader = await waitFor(() => leaderOf(servers), "a leader", patienceMs);
      await waitFor(
        async () => {
          const nodes = (await request("eu-1", "/v1/nodes?region=global")).json as { Status: string }[];
          return nodes.filter((node) => node.Status === "ready").length === 2;
        },
        "two ready nodes, seen from the other region",
        patienceMs,
      );
      await request("eu-1", "/v1/jobs?region=global", { method: "PUT", body: job });
      await waitFor(
        async () => {
          const allocations = (await request("global-2", "/v1/job/composed/allocations")).json as {
            ClientStatus: string;
          }[];
          return allocations.some((allocation) => allocation.ClientStatus === "running");
        },
        "a running process",
        patienceMs,
      );
      const follower = servers.find((server) => server !== leader) as string;
      for (const [server, path] of [
        [leader, "/v1/job/composed"],
        [follower, "/v1/job/composed"],
        [follower, "/v1/job/composed?stale"],
        [follower, "/v1/job/composed?consistent"],
        ["eu-1", "/v1/job/composed?region=global"],
      ] as const) {
        expect((await request(server, path)).json).toMatchObject({ ID: "composed", Status: "running" });
      }
      expect((await request("eu-1", "/v1/jobs")).json).toEqual([]);

      await composeRun("stop", "-t", "5", leader);
      const survivors = servers.filter((server) => server !== leader);
      await waitFor(() => leaderOf(survivors), "a new leader", patienceMs);
      for (const survivor of survivors) {
        expect((await request(survivor, "/v1/job/composed?stale")).json).toMatchObject({ ID: "composed" });
        expect((await request(survivor, "/v1/job/composed")).json).toMatchObject({ ID: "composed" });
      }
      const second = { Job: { ...job.Job, ID: "after", Name: "after" } };
      await request(survivors[0] as string, "/v1/jobs", { method: "PUT", body: second });
      expect((await request(survivors[1] as string, "/v1/job/after")).json).toMatchObject({ ID: "after" });

      await composeRun("start", leader);
      await waitFor(
        async () => (await request(leader, "/v1/job/after?stale")).json !== undefined,
        "the old leader back, with the new job",
        patienceMs,
      );
    },
    15 * 60_000,
  );
});
