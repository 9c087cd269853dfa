#!/usr/bin/env node
// `npm test`: installs and builds if that is still to be done, then runs every test. `npm test -- PATTERN` runs some.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { prepare, root } from "./prepare.mjs";

await prepare();
const directory = mkdtempSync(join(tmpdir(), "steppe-test-"));
const summary = join(directory, "summary");
const jest = join(root, "node_modules/jest/bin/jest.js");
const { status } = spawnSync(
  process.execPath,
  ["--experimental-vm-modules", "--no-warnings", jest, ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit", env: { ...process.env, STEPPE_TEST_SUMMARY: summary } },
);
try {
  process.stdout.write(`\n${readFileSync(summary, "utf8")}`);
} catch {
  console.error("\nJest ended before it had run the tests.");
}
rmSync(directory, { recursive: true, force: true });
process.exit(status ?? 1);
