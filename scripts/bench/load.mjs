// Closed-loop load: each connection sends its next request when it has the answer to the last one.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openConnections } from "./connection.mjs";
import { quantile } from "./statistics.mjs";

/**
 * Sends `make(i)` = { method, path, body } for i below `total`, until `maxMs` has passed.
 * @returns {Promise<{ perSecond: number, count: number, failed: number,
 *   failures: { i: number, problem: string }[], p50Ms: number, p99Ms: number, endedAt: number }>}
 *   `failures` are answers other than 2xx and broken connections
 */
export async function closedLoop(address, { connections, total, maxMs, make }) {
  const open = await openConnections(address, connections);
  const latencies = [];
  const failures = [];
  let next = 0;
  const startedAt = performance.now();
  const run = async (connection) => {
    while (next < total && performance.now() - startedAt < maxMs) {
      const i = next++;
      const { method, path, ...options } = make(i);
      try {
        const answer = await connection.request(method, path, { ...options, keepBody: method !== "GET" });
        if (answer.status >= 200 && answer.status < 300) latencies.push(answer.ms);
        else failures.push({ i, problem: `${answer.status} ${answer.body.trim().slice(0, 100)}` });
      } catch (error) {
        failures.push({ i, problem: error.message });
        if (
          !connection.connected &&
          !(await connection.connect().then(
            () => true,
            () => false,
          ))
        )
          return;
      }
    }
  };
  await Promise.all(open.map(run));
  const endedAt = performance.now();
  for (const connection of open) connection.close();
  const seconds = (endedAt - startedAt) / 1000;
  return {
    perSecond: latencies.length / seconds,
    count: latencies.length,
    failed: failures.length,
    failures,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    endedAt,
  };
}

/** Whether wrk takes the plain GET loads: it costs a fraction of a Node process, which shares the machine with the servers. */
export const hasWrk = process.env.BENCH_ENGINE !== "node" && spawnSync("wrk", ["-v"]).error === undefined;

/** GETs of the paths in turn for `seconds`. Throws where anything but 2xx came back: a fast error is no figure. */
export async function getLoad(address, { connections, seconds, paths, headers = {} }) {
  const result = hasWrk
    ? await wrkLoad(address, { connections, seconds, paths, headers })
    : await closedLoop(address, {
        connections,
        total: Infinity,
        maxMs: seconds * 1000,
        make: (i) => ({ method: "GET", path: paths[i % paths.length], headers: headerLines(headers) }),
      });
  if (result.failed > 0 || result.count === 0) {
    throw new Error(`GET ${paths[0]}: ${result.failed} of ${result.count + result.failed} requests failed`);
  }
  return result;
}

export function headerLines(headers) {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

async function wrkLoad(address, { connections, seconds, paths, headers }) {
  const directory = mkdtempSync(join(tmpdir(), "steppe-wrk-"));
  const script = join(directory, "load.lua");
  writeFileSync(script, wrkScript(paths, headers));
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s", "-s", script, address];
  const output = await new Promise((resolve, reject) => {
    const child = spawn("wrk", args);
    const timer = setTimeout(() => child.kill("SIGKILL"), (seconds + 40) * 1000);
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stderr.on("data", (chunk) => (text += chunk));
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
  rmSync(directory, { recursive: true, force: true });
  const figures = /FIGURES (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)/.exec(output);
  if (figures === null) throw new Error(`wrk: ${output.trim()}`);
  const [requests, micros, failed, p50Micros, p99Micros] = figures.slice(1).map(Number);
  return {
    perSecond: requests / (micros / 1e6),
    count: requests,
    failed,
    p50Ms: p50Micros / 1000,
    p99Ms: p99Micros / 1000,
  };
}

function wrkScript(paths, headers) {
  const table = (entries) => `{ ${entries.join(", ")} }`;
  return `
local headers = ${table(Object.entries(headers).map(([name, value]) => `[${JSON.stringify(name)}] = ${JSON.stringify(value)}`))}
local paths = ${table(paths.map((path) => JSON.stringify(path)))}
local requests, next = {}, 0
function init(args) for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path, headers) end end
function request() next = next % #requests + 1; return requests[next] end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nFIGURES %d %d %d %.1f %.1f\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.timeout + e.status, latency:percentile(50), latency:percentile(99)))
end
`;
}
