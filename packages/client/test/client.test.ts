import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import * as path from "node:path";

import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock, systemRandom } from "@steppe/shared";

import { type Client, createClient } from "../src/client.js";
import type { ClientConfig } from "../src/config.js";
import { FakeServer } from "./fake-server.js";
import {
  allocation,
  mockTask,
  quietLogger,
  removeTemporaryDirectories,
  shellTask,
  temporaryDirectory,
  until,
} from "./fixtures.js";

const clients: Client[] = [];
const servers: FakeServer[] = [];

async function startServer(): Promise<FakeServer> {
  const server = await FakeServer.start();
  servers.push(server);
  return server;
}

async function startClient(addresses: () => string[], dataDir: string, config: ClientConfig = {}): Promise<Client> {
  const client = createClient({
    config: { network_interface: "lo", ...config },
    servers: addresses,
    dataDir,
    clock: systemClock,
    random: systemRandom,
    logger: quietLogger,
    nodeName: "n1",
    region: "global",
    datacenter: "dc1",
    httpAdvertiseAddress: "127.0.0.1:4646",
    devMode: true,
  });
  clients.push(client);
  await client.start();
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.stop({ leaveTasksRunning: false });
  for (const server of servers.splice(0)) await server.close();
  await removeTemporaryDirectories();
});

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

describe("registration", () => {
  test("registers, becomes ready, and keeps its identity across restarts", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const first = await startClient(() => [server.address], dataDir, { meta: { rack: "r1" }, node_class: "big" });
    await first.ready;
    expect(server.node).toMatchObject({ ID: first.nodeId, Name: "n1", NodeClass: "big", Status: "ready" });
    expect((await stat(path.join(dataDir, "client", "secret-id"))).mode & 0o777).toBe(0o600);
    await first.stop({ leaveTasksRunning: true });
    const second = await startClient(() => [server.address], dataDir);
    expect(second.nodeId).toBe(first.nodeId);
  });

  test("heartbeats well within the TTL, and registers again when it is not known", async () => {
    const server = await startServer();
    server.ttlMs = 200;
    const client = await startClient(() => [server.address], await temporaryDirectory());
    await client.ready;
    await until(() => server.heartbeats.length >= 4, "four heartbeats");
    expect(server.heartbeats[0]).toEqual({ status: "ready", secret: server.node?.SecretID });
    server.node = undefined;
    await until(() => server.node, "a new registration");
    const count = server.heartbeats.length;
    await until(() => server.heartbeats.length > count, "heartbeats after it");
  });

  test("goes to another server when one dies, for heartbeats and assignments", async () => {
    const [a, b] = [await startServer(), await startServer()];
    a.ttlMs = b.ttlMs = 500;
    a.servers = b.servers = [a.address, b.address];
    const client = await startClient(() => [a.address], await temporaryDirectory());
    await client.ready;
    b.node = a.node;
    await a.close();
    const row = allocation([mockTask({ run_for: "1h" })]);
    b.assign(row);
    await b.status(row.ID, "running");
    await until(() => b.heartbeats.length > 0, "heartbeats to the other server");
    expect(client.stats().knownServers[0]).toBe(b.address);
  });
});

describe("allocations", () => {
  test("a batch task runs, leaves its output in log files, and is complete", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    await startClient(() => [server.address], dataDir);
    const row = allocation([
      shellTask('echo out $NOMAD_ALLOC_INDEX "$1"; echo err >&2; pwd; echo "$FOO"', {
        Env: { FOO: "${NOMAD_PORT_http}" },
      }),
    ]);
    server.assign(row);
    const update = await server.status(row.ID, "complete");
    expect(update.ClientDescription).toBe("All tasks have completed");
    const state = update.TaskStates?.["t"];
    expect(state).toMatchObject({ State: "dead", Failed: false, Restarts: 0, LastRestart: null });
    expect(state?.Events?.map((event) => [event.Type, event.DisplayMessage])).toEqual([
      ["Received", "Task received by client"],
      ["Task Setup", "Building Task Directory"],
      ["Started", "Task started by client"],
      ["Terminated", "Exit Code: 0"],
    ]);
    expect(state?.Events?.[3]?.Details).toEqual({ exit_code: "0", signal: "0", oom_killed: "false" });
    const root = path.join(dataDir, "alloc", row.ID);
    expect(await readFile(path.join(root, "alloc/logs/t.stdout.0"), "utf8")).toBe(
      `out 2 \n${path.join(root, "t")}\n24980\n`,
    );
    expect(await readFile(path.join(root, "alloc/logs/t.stderr.0"), "utf8")).toBe("err\n");
  });

  test("a failing task follows its restart policy and then fails the allocation", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    const RestartPolicy = { Attempts: 2, Interval: 3600e9, Delay: 1e6, Mode: "fail", RenderTemplates: false };
    const row = allocation([shellTask("exit 3", { RestartPolicy })]);
    server.assign(row);
    const update = await server.status(row.ID, "failed");
    const state = update.TaskStates?.["t"];
    expect(state).toMatchObject({ State: "dead", Failed: true, Restarts: 2 });
    const types = state?.Events?.map((event) => event.Type);
    expect(types?.slice(-3)).toEqual(["Started", "Terminated", "Not Restarting"]);
    expect(state?.Events?.at(-1)).toMatchObject({
      DisplayMessage: 'Exceeded allowed attempts 2 in interval 1h0m0s and mode is "fail"',
      FailsTask: true,
    });
    expect(state?.Events?.at(-2)).toMatchObject({ ExitCode: 3, DisplayMessage: "Exit Code: 3" });
  });

  test("a command that does not exist is a driver failure and is not tried again", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    const RestartPolicy = { Attempts: 5, Interval: 3600e9, Delay: 1e6, Mode: "fail", RenderTemplates: false };
    const row = allocation([shellTask("", { RestartPolicy, Config: { command: "no-such-command" } })]);
    server.assign(row);
    const update = await server.status(row.ID, "failed");
    expect(update.TaskStates?.["t"]?.Events?.slice(2).map((event) => event.Type)).toEqual([
      "Driver Failure",
      "Not Restarting",
    ]);
    expect(update.TaskStates?.["t"]?.Events?.[3]?.DisplayMessage).toBe("Error was unrecoverable");
  });

  test("a stop reaches the whole process group and escalates after the kill timeout", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    await startClient(() => [server.address], dataDir);
    const row = allocation(
      [shellTask("trap '' INT; sleep 1000 & echo $!; while :; do sleep 0.1; done", { KillTimeout: 200e6 })],
      { type: "service" },
    );
    server.assign(row);
    await server.status(row.ID, "running");
    const log = path.join(dataDir, "alloc", row.ID, "alloc/logs/t.stdout.0");
    const child = Number(await until(() => readFile(log, "utf8"), "the child's number"));
    server.stop(row.ID);
    const update = await server.status(row.ID, "complete");
    expect(update.TaskStates?.["t"]?.Events?.slice(-3)).toMatchObject([
      { Type: "Killing", DisplayMessage: "Sent interrupt. Waiting 200ms before force killing", KillTimeout: 200e6 },
      { Type: "Terminated", DisplayMessage: "Exit Code: 137, Signal: 9" },
      { Type: "Killed", DisplayMessage: "Task successfully killed" },
    ]);
    await until(
      () =>
        readFile(`/proc/${child}/stat`, "utf8").then(
          (text) => text.includes(") Z "),
          () => true,
        ),
      "its end",
    );
  });

  test("the kill signal is the task's, and its own exit code counts", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    const script = "trap 'exit 7' USR1; echo up; while :; do sleep 0.05; done";
    const row = allocation([shellTask(script, { KillSignal: "SIGUSR1" })]);
    server.assign(row);
    await server.status(row.ID, "running");
    await new Promise((resolve) => setTimeout(resolve, 200));
    server.stop(row.ID);
    const update = await server.status(row.ID, "complete");
    expect(update.TaskStates?.["t"]?.Events?.at(-2)?.DisplayMessage).toMatch(/^Exit Code: (7|138, Signal: 10)$/);
  });

  test("a replacement waits for the allocation it replaces and takes over its sticky disk", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    await startClient(() => [server.address], dataDir);
    const group = { EphemeralDisk: { Sticky: true, SizeMB: 10, Migrate: false } };
    const trap =
      'trap "sleep 0.3; echo bye >>$NOMAD_ALLOC_DIR/data/log; exit 0" INT; echo up; while :; do sleep 0.05; done';
    const first = allocation([shellTask(trap)], { group });
    server.assign(first);
    await server.status(first.ID, "running");
    const log = path.join(dataDir, "alloc", first.ID, "alloc/logs/t.stdout.0");
    await until(async () => (await readFile(log, "utf8")) !== "", "the trap");
    const second = allocation([shellTask('cat "$NOMAD_ALLOC_DIR/data/log"')], { group, PreviousAllocation: first.ID });
    server.assign({ ...first, DesiredStatus: "stop" }, second);
    const ended = (await server.status(first.ID, "complete")).TaskStates?.["t"]?.FinishedAt ?? "";
    const started = (await server.status(second.ID, "complete")).TaskStates?.["t"]?.StartedAt ?? "";
    expect(started >= ended).toBe(true);
    const output = path.join(dataDir, "alloc", second.ID, "alloc/logs/t.stdout.0");
    expect(await readFile(output, "utf8")).toBe("bye\n");
  });

  test("a person's restart and signal reach the task and do not count as failures", async () => {
    const server = await startServer();
    const client = await startClient(() => [server.address], await temporaryDirectory());
    const row = allocation([mockTask({ run_for: "1h" })], { type: "service" });
    server.assign(row);
    await server.status(row.ID, "running");
    const task = client.allocation(row.ID)?.tasks.get("t");
    await task?.signal("SIGHUP");
    task?.restart();
    await until(() => task?.state.Restarts === 1 && task.state.State === "running", "the restart");
    expect(task?.state.Events?.map((event) => event.Type).slice(3)).toEqual([
      "Signaling",
      "Restart Signaled",
      "Terminated",
      "Restarting",
      "Started",
    ]);
  });

  test("an allocation that the servers removed is stopped and its directory goes", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const client = await startClient(() => [server.address], dataDir);
    const row = allocation([shellTask("sleep 1000")]);
    server.assign(row);
    await server.status(row.ID, "running");
    server.remove(row.ID);
    await until(() => client.allocation(row.ID) === undefined, "its end");
    await until(async () => !(await exists(path.join(dataDir, "alloc", row.ID))), "its directory's removal");
  });

  test("directories of terminal allocations are kept up to the bound", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    await startClient(() => [server.address], dataDir, { gc_max_allocs: 2 });
    const rows = Array.from({ length: 5 }, () => allocation([mockTask({ run_for: "1ms", stdout_string: "x" })]));
    for (const row of rows) {
      server.assign(row);
      await server.status(row.ID, "complete");
    }
    const there = async (): Promise<boolean[]> =>
      await Promise.all(rows.map((row) => exists(path.join(dataDir, "alloc", row.ID))));
    await until(async () => (await there()).filter(Boolean).length === 2, "two directories");
    expect(await there()).toEqual([false, false, false, true, true]);
  });

  test("updates are sent again until a server accepts them", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    server.failures.set("PUT allocations", { status: 500, times: 3 });
    const row = allocation([mockTask({ run_for: "5ms" })]);
    server.assign(row);
    expect((await server.status(row.ID, "complete")).TaskStates?.["t"]?.State).toBe("dead");
  });

  test("two thousand mock tasks start in batches", async () => {
    const server = await startServer();
    const client = await startClient(() => [server.address], await temporaryDirectory());
    await client.ready;
    const LogConfig = { MaxFiles: 1, MaxFileSizeMB: 1, Disabled: true };
    server.assign(...Array.from({ length: 2000 }, () => allocation([mockTask({ run_for: "10h" }, { LogConfig })])));
    await until(
      () => [...server.updates.values()].filter((update) => update.ClientStatus === "running").length === 2000,
      "all running",
    );
    expect(server.batches.length).toBeLessThan(100);
    expect(client.stats().allocationsByStatus).toEqual({ running: 2000 });
  });
});

describe("recovery", () => {
  /** Stops an agent's loops without the word to its tasks: what kill -9 leaves behind. */
  async function abandon(client: Client): Promise<void> {
    await client.stop({ leaveTasksRunning: true });
  }

  test("a new agent finds a running task again, and its later exit code", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const first = await startClient(() => [server.address], dataDir);
    const row = allocation([shellTask("while [ ! -e go ]; do sleep 0.05; done; echo done; exit 5")]);
    server.assign(row);
    await server.status(row.ID, "running");
    await abandon(first);
    const second = await startClient(() => [server.address], dataDir);
    await second.ready;
    await until(() => second.allocation(row.ID)?.tasks.get("t")?.handle, "the task");
    expect(second.allocation(row.ID)?.status.status).toBe("running");
    await writeFile(path.join(dataDir, "alloc", row.ID, "t", "go"), "");
    const update = await server.status(row.ID, "failed");
    expect(update.TaskStates?.["t"]?.Events?.map((event) => event.Type)).toEqual([
      "Received",
      "Task Setup",
      "Started",
      "Terminated",
      "Not Restarting",
    ]);
    expect(update.TaskStates?.["t"]?.Events?.[3]?.ExitCode).toBe(5);
    expect(await readFile(path.join(dataDir, "alloc", row.ID, "alloc/logs/t.stdout.0"), "utf8")).toBe("done\n");
  });

  test("an exit while no agent ran is reported", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const first = await startClient(() => [server.address], dataDir);
    const row = allocation([shellTask("while [ ! -e go ]; do sleep 0.05; done; exit 6")]);
    server.assign(row);
    await server.status(row.ID, "running");
    await abandon(first);
    await writeFile(path.join(dataDir, "alloc", row.ID, "t", "go"), "");
    const exitFile = path.join(dataDir, "client", "drivers", row.ID, "t", "exit");
    await until(() => exists(exitFile), "the exit code");
    await startClient(() => [server.address], dataDir);
    const update = await server.status(row.ID, "failed");
    expect(update.TaskStates?.["t"]?.Events?.at(-2)).toMatchObject({ Type: "Terminated", ExitCode: 6 });
  });

  test("an allocation that was stopped meanwhile is stopped on return", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const first = await startClient(() => [server.address], dataDir);
    const row = allocation([shellTask("exec sleep 1000")]);
    server.assign(row);
    await server.status(row.ID, "running");
    await abandon(first);
    server.stop(row.ID);
    await startClient(() => [server.address], dataDir);
    const update = await server.status(row.ID, "complete");
    expect(update.TaskStates?.["t"]?.Events?.at(-2)?.DisplayMessage).toBe("Exit Code: 130, Signal: 2");
  });

  test("a mock task goes on, and a task that the dead agent could not record is found", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    const first = await startClient(() => [server.address], dataDir);
    const mock = allocation([mockTask({ run_for: "1h" })]);
    const shell = allocation([shellTask("echo $$; exec sleep 1000")]);
    server.assign(mock, shell);
    await server.status(mock.ID, "running");
    await server.status(shell.ID, "running");
    await abandon(first);
    // Forget all progress, as if the agent had died right after the start.
    const journal = path.join(dataDir, "client", "state", "allocations.jsonl");
    const lines = (await readFile(journal, "utf8")).split("\n");
    const kept = lines.filter((line) => !(line.includes('"kind":"progress"') && line.includes(shell.ID)));
    await writeFile(journal, kept.join("\n"));
    server.updates.clear();
    const second = await startClient(() => [server.address], dataDir);
    await server.status(shell.ID, "running");
    await until(() => second.allocation(mock.ID)?.tasks.get("t")?.handle, "the mock task");
    const log = await readFile(path.join(dataDir, "alloc", shell.ID, "alloc/logs/t.stdout.0"), "utf8");
    expect(log.trim().split("\n")).toHaveLength(1);
  });

  test("a damaged journal stops the agent instead of forgetting tasks", async () => {
    const dataDir = await temporaryDirectory();
    await mkdir(path.join(dataDir, "client", "state"), { recursive: true });
    await writeFile(
      path.join(dataDir, "client", "state", "allocations.jsonl"),
      'rubbish\n{"kind":"remove","id":"x"}\n',
    );
    await expect(startClient(() => [], dataDir)).rejects.toMatchObject({ code: "stateUnreadable" });
  });
});

describe("order and health", () => {
  test("prestart, main and poststop tasks run one after the other; a leader's end ends the others", async () => {
    const server = await startServer();
    const dataDir = await temporaryDirectory();
    await startClient(() => [server.address], dataDir);
    const script = (name: string, then = ""): string => `echo ${name} >>"$NOMAD_ALLOC_DIR/data/order"; ${then}`;
    const row = allocation([
      shellTask(script("after"), { Name: "after", Lifecycle: { Hook: "poststop", Sidecar: false } }),
      shellTask(script("main", "sleep 0.3"), { Name: "main", Leader: true }),
      shellTask("exec sleep 1000", { Name: "helper" }),
      shellTask(script("before", "sleep 0.2"), { Name: "before", Lifecycle: { Hook: "prestart", Sidecar: false } }),
    ]);
    server.assign(row);
    const update = await server.status(row.ID, "complete");
    const order = await readFile(path.join(dataDir, "alloc", row.ID, "alloc/data/order"), "utf8");
    expect(order).toBe("before\nmain\nafter\n");
    expect(update.TaskStates?.["helper"]?.Events?.map((event) => event.Type)).toContain("Leader Task Dead");
  });

  test("a service's health is reported, and judged anew for a new deployment", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    const row = allocation([mockTask({ run_for: "1h" })], { type: "service", DeploymentID: "d1" });
    server.assign(row);
    const healthy = (): unknown => server.updates.get(row.ID)?.DeploymentStatus?.Healthy;
    await until(() => healthy() === true, "health");
    server.updates.clear();
    server.assign({ ...row, DeploymentID: "d2" });
    await until(() => healthy() === true, "health in the new deployment");
    expect(server.updates.get(row.ID)?.TaskStates?.["t"]?.Restarts).toBe(0);
  });

  test("a failed task makes the allocation unhealthy and ends its siblings", async () => {
    const server = await startServer();
    await startClient(() => [server.address], await temporaryDirectory());
    const row = allocation([mockTask({ run_for: "5ms", exit_code: 1 }), mockTask({ run_for: "1h" }, { Name: "u" })], {
      type: "service",
      DeploymentID: "d1",
    });
    server.assign(row);
    const update = await until(() => {
      const found = server.updates.get(row.ID);
      return found?.TaskStates?.["u"]?.State === "dead" ? found : undefined;
    }, "both ends");
    expect(update).toMatchObject({ ClientStatus: "failed", DeploymentStatus: { Healthy: false } });
    expect(update.TaskStates?.["u"]?.Events?.map((event) => event.Type)).toContain("Sibling Task Failed");
    expect(update.TaskStates?.["t"]?.Events?.map((event) => event.Type)).toContain("Alloc Unhealthy");
  });
});
