import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";

import { openDataDirectory } from "../src/data-directory.js";
import { withDirectory } from "./temporary-directory.js";

describe("openDataDirectory", () => {
  test("creates the directory, and finds its id again", () =>
    withDirectory(async (root) => {
      const path = join(root, "a/b");
      const first = await openDataDirectory(path);
      expect(first.nodeId).toMatch(/^[0-9a-f-]{36}$/);
      expect(first.subdirectory("raft")).toBe(join(path, "raft"));
      await first.close();
      const second = await openDataDirectory(path);
      expect(second.nodeId).toBe(first.nodeId);
      await second.close();
    }));

  test("refuses a directory that is in use, and says by whom", () =>
    withDirectory(async (path) => {
      const first = await openDataDirectory(path);
      await expect(openDataDirectory(path)).rejects.toMatchObject({
        code: "directoryInUse",
        message: expect.stringContaining(`(pid ${process.pid})`),
      });
      await first.close();
      await (await openDataDirectory(path)).close();
    }));

  test("is free again after its holder was killed", () =>
    withDirectory(async (path) => {
      await (await openDataDirectory(path)).close();
      const level = import.meta.resolve?.("classic-level") ?? "classic-level";
      const script = `
        const { ClassicLevel } = (await import(${JSON.stringify(level)})).default;
        const db = new ClassicLevel(${JSON.stringify(join(path, "lock"))});
        await db.open();
        console.log("locked");
        setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await expect(openDataDirectory(path)).rejects.toMatchObject({ code: "directoryInUse" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      await (await openDataDirectory(path)).close();
    }));

  test("refuses a newer format with both versions in one line", () =>
    withDirectory(async (path) => {
      await (await openDataDirectory(path)).close();
      await writeFile(join(path, "format.json"), JSON.stringify({ format: 7 }));
      const error = await openDataDirectory(path).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "formatNewer" });
      expect((error as Error).message).toMatch(/format 7, .* up to format 1:/);
    }));

  test("refuses damaged files rather than starting afresh", () =>
    withDirectory(async (path) => {
      await (await openDataDirectory(path)).close();
      const format = await readFile(join(path, "format.json"));
      await writeFile(join(path, "format.json"), "{");
      await expect(openDataDirectory(path)).rejects.toMatchObject({ code: "formatUnreadable" });
      await writeFile(join(path, "format.json"), format);
      await writeFile(join(path, "node-id"), "");
      await expect(openDataDirectory(path)).rejects.toMatchObject({ code: "formatUnreadable" });
    }));

  test("names a path that cannot be a directory", () =>
    withDirectory(async (root) => {
      await writeFile(join(root, "file"), "");
      await expect(openDataDirectory(join(root, "file"))).rejects.toMatchObject({ code: "directoryUnusable" });
    }));
});
