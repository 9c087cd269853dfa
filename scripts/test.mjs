#!/usr/bin/env node
// `npm test`: installs and builds if that is still to be done, then runs every test. `npm test -- PATTERN` runs some.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { prepare, root } from "./prepare.mjs";

await prepare();
const { status } = spawnSync(
  process.execPath,
  ["--experimental-vm-modules", "--no-warnings", join(root, "node_modules/jest/bin/jest.js"), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
