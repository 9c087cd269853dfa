import { readFile } from "node:fs/promises";
import * as path from "node:path";

import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import type { TaskConfig, TaskHandle } from "../../src/drivers/driver.js";
import { RawExecDriver } from "../../src/drivers/raw-exec.js";
import { readSupervisor } from "../../src/drivers/supervisor.js";
import { quietLogger, removeTemporaryDirectories, temporaryDirectory, until } from "../fixtures.js";

const driver = new RawExecDriver({ enabled: true, clock: systemClock, logger: quietLogger });
const handles: TaskHandle[] = [];

async function prepare(script: string, overrides: Partial<TaskConfig> = {}): Promise<TaskConfig> {
  const directory = await temporaryDirectory();
  return {
    allocationId: "a",
    taskName: "t",
    config: { command: "sh", args: ["-c", script] },
    env: { PATH: "/usr/bin:/bin" },
    user: "",
    taskDirectory: directory,
    stateDirectory: path.join(directory, "state"),
    logs: { stdoutPath: path.join(directory, "out"), stderrPath: path.join(directory, "err") },
    ...overrides,
  };
}

async function start(task: TaskConfig): Promise<TaskHandle> {
  const handle = await driver.start(task);
  handles.push(handle);
  return handle;
}

afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.signal("SIGKILL").catch(() => undefined);
  await removeTemporaryDirectories();
});

describe("raw_exec", () => {
  test.each([
    ["exit 0", 0, 0],
    ["exit 42", 42, 0],
    ["kill -TERM $$", 143, 15],
    ["kill -KILL $$", 137, 9],
  ])("%s ends with %i, signal %i", async (script, exitCode, signal) => {
    const handle = await start(await prepare(script));
    expect(await handle.wait()).toMatchObject({ exitCode, signal, oomKilled: false });
  });

  test("the task sees its environment and nothing of the supervisor's", async () => {
    const task = await prepare("env | sort; echo; trap", { env: { PATH: "/usr/bin:/bin", FOO: "a b\n'c'" } });
    await (await start(task)).wait();
    const [variables] = (await readFile(path.join(task.taskDirectory, "out"), "utf8")).split("\n\n");
    const names = variables?.split("\n").map((line) => line.split("=")[0]);
    expect(names?.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name ?? ""))).toEqual([
      "'c'",
      "FOO",
      "PATH",
    ]);
  });

  test("SIGINT is not ignored, and children of the task go with it", async () => {
    const task = await prepare("sleep 1000 & echo $!; wait");
    const handle = await start(task);
    const child = Number(await until(() => readFile(path.join(task.taskDirectory, "out"), "utf8"), "the child"));
    await handle.kill("SIGINT", 10_000);
    expect(await handle.wait()).toMatchObject({ exitCode: 130, signal: 2 });
    const gone = (): Promise<boolean> =>
      readFile(`/proc/${child}/stat`, "utf8").then(
        (text) => text.includes(") Z "),
        () => true,
      );
    await until(gone, "the child's end");
  });

  test("a task that is recovered is the same process; a killed supervisor does not hide its end", async () => {
    const task = await prepare("sleep 1000");
    const handle = await start(task);
    handle.detach();
    const again = await driver.recover(undefined, task);
    expect(again?.state).toEqual(handle.state);
    const { supervisor, task: process_ } = await readSupervisor(task.stateDirectory);
    process.kill(supervisor?.pid ?? 0, "SIGKILL");
    await again?.signal("SIGKILL");
    expect(process_?.pid).toBe(handle.state["pid"]);
    expect(await again?.wait()).toMatchObject({ exitCode: 137, signal: 9 });
  });

  test("nothing is recovered where nothing was started", async () => {
    expect(await driver.recover(undefined, await prepare("exit"))).toBeUndefined();
  });

  test("what cannot be started says why", async () => {
    const bad = (config: Record<string, unknown>): Promise<TaskConfig> => prepare("", { config });
    await expect(driver.start(await bad({}))).rejects.toThrow("missing command for raw_exec driver");
    await expect(driver.start(await bad({ command: "no-such" }))).rejects.toMatchObject({ code: "commandNotFound" });
    await expect(driver.start(await bad({ command: "/etc/passwd" }))).rejects.toMatchObject({
      code: "commandNotExecutable",
    });
    await expect(driver.start(await bad({ command: "sh", args: [{}] }))).rejects.toMatchObject({ code: "badConfig" });
    await expect(driver.start(await prepare("", { user: "no-such-user" }))).rejects.toMatchObject({
      code: "unknownUser",
    });
  });

  test("is not offered unless switched on", async () => {
    expect(await driver.fingerprint()).toMatchObject({ detected: true, healthy: true });
    const off = new RawExecDriver({ enabled: false, clock: systemClock, logger: quietLogger });
    expect(await off.fingerprint()).toMatchObject({ detected: false, healthy: false, attributes: {} });
  });
});
