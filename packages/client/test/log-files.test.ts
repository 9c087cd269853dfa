import { appendFile, open, readdir, readFile, stat } from "node:fs/promises";
import * as path from "node:path";

import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import { currentLogFile, logFileIndexes, LogRotator } from "../src/log-files.js";
import { quietLogger, removeTemporaryDirectories, temporaryDirectory } from "./fixtures.js";

afterEach(removeTemporaryDirectories);

test("a writer that keeps its file open writes on into the newest file; old files go", async () => {
  const directory = await temporaryDirectory();
  const writer = await open(await currentLogFile(directory, "t", "stdout"), "a");
  const rotator = new LogRotator({ clock: systemClock, logger: quietLogger });
  rotator.add("k", { directory, task: "t", maxFiles: 3, maxBytes: 10 });
  await writer.write("short");
  await rotator.rotateAll();
  expect(await readdir(directory)).toEqual(["t.stdout.0"]);
  for (let i = 1; i <= 4; i++) {
    await writer.write(`line number ${i}\n`);
    await rotator.rotateAll();
  }
  await writer.write("last");
  await writer.close();
  expect(await logFileIndexes(directory, "t", "stdout")).toEqual([2, 3, 4]);
  const read = (index: number): Promise<string> => readFile(path.join(directory, `t.stdout.${index}`), "utf8");
  expect(await Promise.all([2, 3, 4].map(read))).toEqual(["line number 3\n", "line number 4\n", "last"]);
  expect(await readdir(directory)).toHaveLength(3);
  expect(await currentLogFile(directory, "t", "stdout")).toBe(path.join(directory, "t.stdout.4"));
});

test("a single file is truncated, and other tasks' files are not touched", async () => {
  const directory = await temporaryDirectory();
  const files = ["t.stderr.0", "t.stderr.0.bak", "tt.stderr.0", "t.stdout.x"].map((name) => path.join(directory, name));
  for (const file of files) await appendFile(file, "x".repeat(100));
  const rotator = new LogRotator({ clock: systemClock, logger: quietLogger });
  rotator.add("k", { directory, task: "t", maxFiles: 1, maxBytes: 10 });
  await rotator.rotateAll();
  expect(await Promise.all(files.map(async (file) => (await stat(file)).size))).toEqual([0, 100, 100, 100]);
});
