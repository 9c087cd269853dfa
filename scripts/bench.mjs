#!/usr/bin/env node
// `npm run bench`: the project's own benchmark. It starts real clusters, measures them from outside over HTTP, and prints what
// it found beside the targets, a real Nomad's figures, and what the bare machine gave in the same run.
import { mkdirSync, rmSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

import { readArguments } from "./bench/arguments.mjs";
import { agentScript } from "./bench/cluster.mjs";
import { Context, Skipped } from "./bench/context.mjs";
import * as failover from "./bench/measures/failover.mjs";
import * as lists from "./bench/measures/lists.mjs";
import * as reads from "./bench/measures/reads.mjs";
import * as registrations from "./bench/measures/registrations.mjs";
import * as start from "./bench/measures/start.mjs";
import * as watchers from "./bench/measures/watchers.mjs";
import { terminalTable, writeReport } from "./bench/report.mjs";
import { prepare, root, steppe } from "./prepare.mjs";

const measures = [reads, lists, registrations, watchers, failover, start];
const options = readArguments(
  process.argv.slice(2),
  measures.map(({ name }) => name),
);
// Agents from elsewhere need no build of this checkout.
if (options.addresses === undefined && agentScript === steppe) await prepare();

const directory = join(root, `data/bench-${process.pid}`);
mkdirSync(directory, { recursive: true });
const context = new Context({ ...options, directory });
const busy = loadavg()[0];
if (busy > cpus().length / 2)
  context.warn(`load average ${busy.toFixed(1)}: the machine is busy, the figures say little`);
const failures = [];
for (const { name, run } of measures.filter((measure) => options.only.includes(measure.name))) {
  try {
    await run(context);
  } catch (error) {
    if (error instanceof Skipped) context.say(`${name}: left out, ${error.message}\n`);
    else {
      failures.push(name);
      context.say(`${name} failed: ${error.stack}\n`);
    }
  }
}
rmSync(directory, { recursive: true, force: true });

context.say("");
if (context.results.size > 0) console.log(terminalTable(context.results).join("\n"));
if (context.warnings.length > 0) console.log(`\nWarnings:\n${context.warnings.map((text) => `- ${text}`).join("\n")}`);
if (options.quick) console.log("\nThis was --quick: it shows that all works, not how fast it is.");
if (options.write && context.results.size > 0) {
  writeReport(root, context.results);
  console.log("\nWritten: docs/benchmarks.md");
}
if (failures.length > 0) console.error(`\nFailed: ${failures.join(", ")}`);
process.exit(failures.length > 0 ? 1 : 0);
