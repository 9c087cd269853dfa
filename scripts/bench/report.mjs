// The figures as a table for the terminal, and as docs/benchmarks.md.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";

import { FIGURES } from "./figures.mjs";
import { formatFigure } from "./statistics.mjs";

/** The figure against its anchor: a share of the bare rate, or how many times the bare time or size. */
export function ratio(figure, result) {
  if (result.anchor === undefined || !(result.anchor > 0)) return "-";
  const share = result.value / result.anchor;
  return figure.lower ? `${share.toFixed(1)}x` : `${Math.round(share * 100)}%`;
}

/** Whether the figure meets its target: "yes", "no", or "" where there is none. */
export function verdict(figure, result) {
  if (figure.target === undefined) return "";
  return (figure.lower ? result.value <= figure.target : result.value >= figure.target) ? "yes" : "no";
}

/** The lines of the table; no wider than 80 columns. */
export function terminalTable(results) {
  const row = (...cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(42) : cell.padStart([0, 10, 10, 10, 7][i]))).join("");
  const lines = [];
  for (const [section, rows] of bySection(results)) {
    lines.push("", section, row("", "steppe", "target", "nomad", "bare"));
    for (const { figure, result } of rows) {
      const mark = verdict(figure, result) === "no" ? "!" : " ";
      const target = formatFigure(figure.target, figure.unit);
      lines.push(
        row(
          `${mark} ${figure.label}`,
          formatFigure(result.value, figure.unit),
          target,
          formatFigure(figure.nomad, figure.unit),
          ratio(figure, result),
        ),
      );
    }
  }
  return [...lines, "", "! short of the target. bare: share, or multiple, of what the bare machine gave."];
}

/** Writes docs/benchmarks.md, with the figures of earlier runs where this one measured only some. */
export function writeReport(root, results) {
  const store = join(root, "docs/benchmarks.json");
  const measured = { date: new Date().toISOString().slice(0, 10), commit: commit(root), machine: machine() };
  const all = { ...readStore(store) };
  for (const [id, result] of results) all[id] = { ...result, ...measured };
  writeFileSync(store, `${JSON.stringify(all, null, 2)}\n`);
  const known = new Map(
    Object.keys(FIGURES)
      .filter((id) => all[id])
      .map((id) => [id, all[id]]),
  );
  const page = join(root, "docs/benchmarks.md");
  writeFileSync(page, markdown(known));
  execFileSync(process.execPath, [join(root, "node_modules/prettier/bin/prettier.cjs"), "--write", store, page]);
}

function markdown(results) {
  const runs = new Set(
    [...results.values()].map(({ date, commit, machine }) => `- ${date}, commit ${commit}: ${machine}`),
  );
  const cells = ({ figure, result }) => {
    const spread = result.low === result.high ? "" : `${formatFigure(result.low, "")}-${formatFigure(result.high, "")}`;
    const shown = (value) => (value === undefined ? "" : formatFigure(value, figure.unit));
    const anchor = result.anchor === undefined ? "" : `${shown(result.anchor)} (${ratio(figure, result)})`;
    const words = [
      figure.label.trim(),
      `**${shown(result.value)}**`,
      spread,
      shown(figure.target),
      verdict(figure, result),
    ];
    return `| ${[...words, shown(figure.nomad), anchor, result.note ?? ""].join(" | ")} |`;
  };
  const tables = [...bySection(results)].map(
    ([section, rows]) => `## ${section}

| | Steppe | spread | target | met | Nomad | bare machine | |
|---|---:|---:|---:|---|---:|---:|---|
${rows.map(cells).join("\n")}
`,
  );
  return `# Benchmarks

Written by \`npm run bench -- --write\`: do not edit by hand. \`npm run bench -- --help\` says how to measure one part,
or any other agent of the same API (\`--addr\`).

Medians of the repetitions; "spread" is their lowest and highest. "Nomad" is what a real Nomad gave on the same kind of machine with
2 cores. "Bare machine" is measured in the same run and on the same machine without an agent, and the figure is given as a share (or
multiple) of it: compare that across machines rather than the figure itself. The servers, the load generator and the disk share
the machine, so a machine that does anything else gives a fraction of these figures.

${[...runs].join("\n")}

${tables.join("\n")}
## How it is measured

- Servers are separate processes on loopback, started by configuration files with default settings, data on the machine's disk.
- Registrations: distinct small service jobs, sent by as many connections as there are writers, each with one request in flight;
  every answer is an entry that a majority has synced. The anchor is the rate of bare LevelDB batches with \`sync\` of 1 KB entries,
  a batch taking as many as there are writers.
- Reads and lists: closed loop, by wrk with one thread where it is installed, else by the built-in client.
- Watchers: blocking queries on as many connections; the time from sending the write to the last answer.
- Failover: a write and a stale read every 20 ms to the survivors; the time from kill -9 of the leader to the first answer to a
  write that was sent after it.
- Start: from the start of the process to the answer to the first write, tried every 5 ms; with jobs, after kill -9.
- Memory is resident memory (VmRSS); CPU is user and system time over ten quiet seconds.
`;
}

function* bySection(results) {
  const sections = new Map();
  for (const [id, figure] of Object.entries(FIGURES)) {
    const result = results.get(id);
    if (result === undefined) continue;
    if (!sections.has(figure.section)) sections.set(figure.section, []);
    sections.get(figure.section).push({ figure, result });
  }
  yield* sections;
}

function readStore(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {}; // the first run
  }
}

function commit(root) {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

function machine() {
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? "CPU"}, Node ${process.versions.node}, ${process.platform}`;
}
