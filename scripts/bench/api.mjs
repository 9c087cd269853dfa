// What the measurements say to an agent: job bodies, seeding, waiting until it is quiet, its metrics.
import { Connection, requestOnce } from "./connection.mjs";
import { closedLoop } from "./load.mjs";

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A small service job. With `count` 0 there is nothing to place, so that the figures need no clients. */
export function jobBody(id, { meta, count = 0 } = {}) {
  const task = {
    Name: "t",
    Driver: "mock_driver",
    Config: { run_for: "10h" },
    Resources: { CPU: 20, MemoryMB: 10 },
    LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
  };
  return JSON.stringify({
    Job: {
      ID: id,
      Name: id,
      Type: "service",
      Datacenters: ["dc1"],
      ...(meta ? { Meta: meta } : {}),
      TaskGroups: [{ Name: "g", Count: count, EphemeralDisk: { SizeMB: 10 }, Tasks: [task] }],
    },
  });
}

export function registration(id, options) {
  return { method: "PUT", path: "/v1/jobs", body: jobBody(id, options) };
}

export function seededId(i) {
  return `seed-${String(i).padStart(6, "0")}`;
}

/**
 * Registers seed-N jobs until there are `target` of them (`have` are there already), then waits until all is quiet. What fails
 * is tried again, a few times: a busy machine may lose a leader, which is no reason to lose a measurement.
 */
export async function seedJobs(address, have, target) {
  let missing = Array.from({ length: Math.max(0, target - have) }, (_, i) => have + i);
  for (let pass = 0; missing.length > 0; pass++) {
    const result = await closedLoop(address, {
      connections: Math.min(64, missing.length),
      total: missing.length,
      maxMs: 300_000,
      make: (i) => registration(seededId(missing[i])),
    });
    const problem = result.failures[0]?.problem ?? "too slow";
    missing = result.failures.map(({ i }) => missing[i]).concat(missing.slice(result.count + result.failed));
    if (missing.length > 0 && pass === 5)
      throw new Error(`seeding: ${missing.length} of ${target} jobs missing: ${problem}`);
    if (missing.length > 0) await pause(1000);
  }
  await untilEvaluated(address);
}

/** How many jobs have ids with this prefix. */
export async function countJobs(address, prefix) {
  const { json } = await checkedGet(address, `/v1/jobs?prefix=${prefix}`);
  return json.length;
}

/** Resolves with the time (performance.now) at which no evaluation was pending any more; undefined after `maxMs`. */
export async function untilEvaluated(address, maxMs = 60_000) {
  const path = `/v1/evaluations?per_page=1&filter=${encodeURIComponent('Status == "pending"')}`;
  const deadline = performance.now() + maxMs;
  const connection = await Connection.open(address);
  try {
    while (performance.now() < deadline) {
      const answer = await connection.request("GET", path, { keepBody: true });
      if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.body}`);
      if (JSON.parse(answer.body).length === 0) return answer.endedAt;
      await pause(25);
    }
    return undefined;
  } finally {
    connection.close();
  }
}

/** One read that must succeed, before load is put on it. */
export async function checkedGet(address, path, headers = "") {
  const answer = await requestOnce(address, "GET", path, { headers, timeoutMs: 30_000 });
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.body.slice(0, 200)}`);
  return answer;
}

/**
 * The longest time that the event loop was held since the last call, in ms, out of the agent's metrics; undefined for
 * an agent that does not have such a metric.
 */
export async function eventLoopHoldMs(address) {
  const answer = await requestOnce(address, "GET", "/v1/metrics?format=prometheus").catch(() => undefined);
  const metrics = answer?.body ?? "";
  const own = /^steppe_runtime_event_loop_hold_ms(?:\{[^}]*\})? ([\d.e+-]+)/m.exec(metrics);
  if (own !== null) return Number(own[1]);
  const common = /^nodejs_eventloop_lag_max_seconds(?:\{[^}]*\})? ([\d.e+-]+)/m.exec(metrics);
  return common === null ? undefined : Number(common[1]) * 1000;
}
