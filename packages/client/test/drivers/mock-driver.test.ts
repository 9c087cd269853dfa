import { readFile } from "node:fs/promises";
import * as path from "node:path";

import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import type { TaskConfig } from "../../src/drivers/driver.js";
import { MockDriver } from "../../src/drivers/mock-driver.js";
import { ManualClock, quietLogger, removeTemporaryDirectories, temporaryDirectory, until } from "../fixtures.js";

afterEach(removeTemporaryDirectories);

function taskConfig(config: Record<string, unknown>, logs?: TaskConfig["logs"]): TaskConfig {
  return {
    allocationId: "a",
    taskName: "t",
    config,
    env: {},
    user: "",
    taskDirectory: "/nowhere",
    stateDirectory: "/nowhere",
    logs,
  };
}

function driver(clock = new ManualClock()) {
  return { clock, mock: new MockDriver({ enabled: true, clock, logger: quietLogger }) };
}

describe("mock_driver", () => {
  test("runs for its time and exits as told", async () => {
    const { clock, mock } = driver();
    const handle = await mock.start(taskConfig({ run_for: "10s", exit_code: 3, exit_signal: 9, exit_err_msg: "oh" }));
    clock.advance(9_999);
    expect(await handle.usage()).toBeDefined();
    clock.advance(1);
    expect(await handle.wait()).toEqual({ exitCode: 3, signal: 9, oomKilled: false, message: "oh" });
    expect(await handle.usage()).toBeUndefined();
  });

  test("runs longer than a timer can count", async () => {
    const { clock, mock } = driver();
    const handle = await mock.start(taskConfig({ run_for: "1000h" }));
    clock.advance(3_599_999_999);
    expect(await handle.usage()).toBeDefined();
    clock.advance(1);
    expect((await handle.wait()).exitCode).toBe(0);
  });

  test("blocks and fails its start as told", async () => {
    const { clock, mock } = driver();
    const start = mock.start(taskConfig({ start_block_for: "5s", start_error: "no", start_error_recoverable: true }));
    clock.advance(5_000);
    await expect(start).rejects.toMatchObject({ message: "no", recoverable: true });
    await expect(mock.start(taskConfig({ run_for: "soon" }))).rejects.toMatchObject({ code: "badConfig" });
    await expect(mock.start(taskConfig({ start_error: "no" }))).rejects.toMatchObject({ recoverable: false });
  });

  test("takes its time to be killed, at most the kill timeout", async () => {
    const { clock, mock } = driver();
    const patient = await mock.start(taskConfig({ run_for: "1h", kill_after: "3s", signal_error: "deaf" }));
    await expect(patient.signal("SIGHUP")).rejects.toThrow("deaf");
    await expect(patient.signal("SIGNOT")).rejects.toMatchObject({ code: "unknownSignal" });
    const killed = patient.kill("SIGINT", 2_000);
    clock.advance(1_999);
    expect(await patient.usage()).toBeDefined();
    clock.advance(1);
    await killed;
    expect(await patient.wait()).toEqual({ exitCode: 0, signal: 0, oomKilled: false });
  });

  test("is resumed with the time that it has left", async () => {
    const { clock, mock } = driver();
    const task = taskConfig({ run_for: "10s", exit_code: 4 });
    const handle = await mock.start(task);
    handle.detach();
    clock.advance(4_000);
    const again = await mock.recover(handle.state, task);
    clock.advance(6_000);
    expect((await again?.wait())?.exitCode).toBe(4);
    expect(await mock.recover(undefined, task)).toBeUndefined();
  });

  test("writes its output as often as told", async () => {
    const directory = await temporaryDirectory();
    const mock = new MockDriver({ enabled: true, clock: systemClock, logger: quietLogger });
    const logs = { stdoutPath: path.join(directory, "out"), stderrPath: path.join(directory, "err") };
    const config = { run_for: "1h", stdout_string: "x\n", stdout_repeat: 2, stdout_repeat_duration: "1ms" };
    const handle = await mock.start(taskConfig(config, logs));
    const read = (): Promise<string> => readFile(logs.stdoutPath, "utf8").catch(() => "");
    await until(async () => (await read()) === "x\nx\nx\n", "three lines");
    handle.detach();
    expect(mock.needsDirectories(config, true)).toBe(true);
    expect(mock.needsDirectories(config, false)).toBe(false);
    expect(mock.needsDirectories({ run_for: "1h" }, true)).toBe(false);
  });
});
