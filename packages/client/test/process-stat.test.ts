import { spawn } from "node:child_process";

import { expect, test } from "@jest/globals";
import { must } from "@steppe/shared";

import { isAlive, parseProcessStat, readProcessStat } from "../src/process-stat.js";

test("names with spaces and parentheses do not shift the fields", () => {
  const line = "42 (a) S b) (c) S 1 42 42 0 -1 4194304 102 0 0 0 5 6 0 0 20 0 1 0 98190 3133440 410 184";
  expect(parseProcessStat(line)).toEqual({
    pid: 42,
    startTicks: 98190,
    state: "S",
    userTicks: 5,
    systemTicks: 6,
    residentPages: 410,
  });
  expect(parseProcessStat("")).toBeUndefined();
  expect(parseProcessStat("42 (x) S 1")).toBeUndefined();
});

test("a reused number is not the same process", async () => {
  const child = spawn("sleep", ["100"]);
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const identity = must(await readProcessStat(must(child.pid, "pid")), "stat");
  expect(await isAlive(identity)).toBe(true);
  expect(await isAlive({ ...identity, startTicks: identity.startTicks + 1 })).toBe(false);
  child.kill();
  await exited;
  expect(await isAlive(identity)).toBe(false);
});
