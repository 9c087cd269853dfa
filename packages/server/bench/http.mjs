#!/usr/bin/env node
// Micro benchmark of the HTTP pipeline: how fast answers leave it, beside a bare node:http server that sends the same bytes, in the same
// run. State is real, Raft is not: nothing is replicated. Needs wrk (Debian's package) and a build (`npx tsc -b packages/server`).
//
//   node packages/server/bench/http.mjs [--secs 3] [--only get,list-1000]
import { fork, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { endpoints } from "@steppe/api";
import { seededRandom, systemClock } from "@steppe/shared";
import { encodeCommand, jobKey, StateStore } from "@steppe/state";
import { canonicalizeJob, decodeJob, jobListStub } from "@steppe/structs";

import { createHttpServer, listen, listSource, Pipeline } from "../dist/http/index.js";

const argument = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const SECS = Number(argument("secs", "3"));
const ONLY = argument("only", "")
  .split(",")
  .filter((name) => name !== "");

const quiet = { debug() {}, info() {}, warn() {}, error: console.error };

function leaderRaft() {
  return {
    isLeader: () => true,
    hasLease: () => true,
    leaderId: () => 1,
    lastContactMs: () => 0,
    readIndex: () => Promise.resolve(),
  };
}

function makeStore() {
  const state = new StateStore();
  let index = state.appliedIndex;
  const register = (id, extra = {}) => {
    const job = canonicalizeJob(decodeJob(jobInput(id, extra)), { nowNs: 1795326287396606000, region: "global" });
    const data = encodeCommand("jobRegister", { job, evaluation: null });
    index++;
    state.apply([{ index, term: 1, data }]);
  };
  return { state, register };
}

function jobInput(id, extra) {
  const task = {
    Name: "t",
    Driver: "mock_driver",
    Config: { run_for: "10h" },
    Resources: { CPU: 20, MemoryMB: 10 },
    LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
  };
  const group = { Name: "g", Count: 1, EphemeralDisk: { SizeMB: 10 }, Tasks: [task] };
  return { ID: id, Name: id, Type: "service", Datacenters: ["dc1"], TaskGroups: [group], ...extra };
}

const jobsSource = listSource({
  table: "jobs",
  join: "jobSummaries",
  order: "namespace",
  stub: (job, summary) => jobListStub(job, summary),
});

function makeHandlers() {
  const handlers = Object.fromEntries(Object.keys(endpoints).map((name) => [name, () => ({ data: null, index: 1 })]));
  handlers.listJobs = () => jobsSource;
  handlers.getJob = (view, { params, namespace }) => {
    const row = view.get("jobs", jobKey(namespace, params.id));
    return row ? { row, index: row.ModifyIndex } : { missing: "job not found", index: view.tableIndex("jobs") };
  };
  return handlers;
}

async function startSteppe(state) {
  const context = {
    config: { region: "global" },
    state,
    raft: leaderRaft(),
    clock: systemClock,
    random: seededRandom(1),
    logger: quiet,
  };
  const refuse = () => Promise.reject(new Error("not in this benchmark"));
  const pipeline = new Pipeline({ context, handlers: makeHandlers(), callLeader: refuse, forwardToRegion: refuse });
  const server = createHttpServer({ pipeline, logger: quiet });
  const { port } = await listen(server, "127.0.0.1", 0);
  return { server, port, pipeline };
}

/** A server that sends what was recorded of the other one, and does nothing else. */
async function startBare() {
  let answer = { headers: {}, body: Buffer.alloc(0) };
  const server = http.createServer((request, response) => {
    response.writeHead(200, answer.headers);
    response.end(answer.body);
  });
  const { port } = await listen(server, "127.0.0.1", 0);
  return { server, port, use: (next) => (answer = next) };
}

function fetchOnce(port, url, headers) {
  return new Promise((resolve, reject) => {
    http
      .get({ host: "127.0.0.1", port, path: url, headers, agent: false }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          const kept = {};
          for (let at = 0; at < response.rawHeaders.length; at += 2) {
            const name = response.rawHeaders[at];
            if (!/^(date|connection|keep-alive)$/i.test(name)) kept[name] = response.rawHeaders[at + 1];
          }
          resolve({ status: response.statusCode, headers: kept, body: Buffer.concat(chunks) });
        });
      })
      .on("error", reject);
  });
}

function wrk(port, connections, urls, headers) {
  const lua = path.join(os.tmpdir(), `steppe-bench-${process.pid}.lua`);
  const table = Object.entries(headers).map(([name, value]) => `["${name}"]="${value}"`);
  fs.writeFileSync(
    lua,
    `local P = { ${urls.map((url) => JSON.stringify(url)).join(",")} }\nlocal R = {}\nlocal k = 0\n` +
      `function init(args) for i = 1, #P do R[i] = wrk.format("GET", P[i], { ${table.join(",")} }) end end\n` +
      `function request() k = k % #R + 1; return R[k] end\n` +
      `function done(s, l, r) io.write(string.format("RPS %f P99 %f BAD %d\\n", s.requests / (s.duration / 1e6), l:percentile(99) / 1000, s.errors.status + s.errors.read + s.errors.timeout)) end`,
  );
  return new Promise((resolve, reject) => {
    const child = spawn("wrk", [
      "-t1",
      `-c${connections}`,
      `-d${SECS}s`,
      "--timeout",
      "20s",
      "-s",
      lua,
      `http://127.0.0.1:${port}`,
    ]);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", () => {
      const match = /RPS ([\d.]+) P99 ([\d.]+) BAD (\d+)/.exec(output);
      if (!match) return reject(new Error(output));
      resolve({ rps: Math.round(Number(match[1])), p99Ms: Number(match[2]), bad: Number(match[3]) });
    });
  });
}

/** With the processor time per request, which neighbours on the machine disturb less than the rate. */
async function withCpu(run) {
  const before = process.cpuUsage();
  const result = await run();
  const { user, system } = process.cpuUsage(before);
  return { ...result, cpuUs: (user + system) / (result.rps * SECS) };
}

async function measure(name, { steppe, bare }, connections, urls, headers, { target, during } = {}) {
  if (ONLY.length > 0 && !ONLY.some((only) => name.startsWith(only))) return;
  const recorded = await fetchOnce(steppe.port, urls[0], headers);
  if (recorded.status !== 200) throw new Error(`${name}: ${recorded.status} ${recorded.body}`);
  bare.use(recorded);
  const base = await withCpu(() => wrk(bare.port, connections, urls, headers));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const stop = during?.();
  const ours = await withCpu(() => wrk(steppe.port, connections, urls, headers));
  stop?.();
  delay.disable();
  const share = Math.round((100 * ours.rps) / base.rps);
  console.log(
    `${name.padEnd(34)} ${String(ours.rps).padStart(7)}/s  bare ${String(base.rps).padStart(7)}/s  ${String(share).padStart(3)} %` +
      `  cpu ${ours.cpuUs.toFixed(0)}/${base.cpuUs.toFixed(0)} us  p99 ${ours.p99Ms.toFixed(1)} ms  loop max ${(delay.max / 1e6).toFixed(0)} ms  body ${recorded.body.length}` +
      `${target ? `  target ${target}${ours.rps >= target ? "" : "  MISSED"}` : ""}${ours.bad ? `  BAD ${ours.bad}` : ""}`,
  );
}

/** Blocking queries on one URL, one write, and how long after it they were answered. */
async function measureWatchers(name, steppe, count, url, write) {
  if (ONLY.length > 0 && !ONLY.some((only) => name.startsWith(only))) return;
  const child = fork(new URL("./watchers.mjs", import.meta.url), [String(steppe.port), String(count), url]);
  const message = () => new Promise((resolve) => child.once("message", resolve));
  await message();
  while (steppe.pipeline.waiting < count) await new Promise((resolve) => setTimeout(resolve, 20));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const before = process.cpuUsage();
  const startMs = performance.timeOrigin + performance.now();
  write();
  const { answered } = await message();
  const { user, system } = process.cpuUsage(before);
  delay.disable();
  const afterMs = answered.map((at) => at - startMs).sort((a, b) => a - b);
  console.log(
    `${name.padEnd(34)} first ${afterMs[0].toFixed(0)} ms  median ${afterMs[count >> 1].toFixed(0)} ms  last ${afterMs.at(-1).toFixed(0)} ms` +
      `  cpu ${((user + system) / 1000).toFixed(0)} ms  loop max ${(delay.max / 1e6).toFixed(0)} ms  target 200`,
  );
  child.kill();
}

const padded = (number) => String(number).padStart(6, "0");
const bare = await startBare();
const GZIP = { "Accept-Encoding": "gzip" };

for (const count of [1000, 10000]) {
  const { state, register } = makeStore();
  for (let n = 0; n < count; n++) register(`seed-${padded(n)}`);
  const steppe = await startSteppe(state);
  const both = { steppe, bare };
  let version = 0;
  const writing = () => {
    const timer = setInterval(() => {
      register(`seed-${padded((version * 7919) % count)}`, { Meta: { v: `v${++version}` } });
    }, 100);
    return () => clearInterval(timer);
  };
  const targets = count === 1000 ? [3000, 8000, 1500, 4000] : [250, 3000, 63, 750];
  if (count === 1000) {
    const urls = Array.from({ length: 500 }, (_, n) => `/v1/job/seed-${padded(n)}`);
    for (const connections of [64, 16]) await measure(`get-one conc=${connections}`, both, connections, urls, {});
    await measure("get-one conc=64 gzip", both, 64, urls, GZIP);
    await measure(
      "get-one conc=64 stale",
      both,
      64,
      urls.map((url) => `${url}?stale`),
      {},
    );
  }
  if (count === 1000) {
    const known = (url) => `${url}?index=${state.index}&wait=60s`;
    for (const watchers of [1000, 5000]) {
      const write = () => register(`seed-${padded(1)}`, { Meta: { v: `w${++version}` } });
      await measureWatchers(`watchers ${watchers} on one job`, steppe, watchers, known("/v1/job/seed-000001"), write);
      const few = known("/v1/jobs").replace("?", "?prefix=seed-00000&");
      await measureWatchers(`watchers ${watchers} on a list of 10`, steppe, watchers, few, write);
    }
  }
  await measure(`list-${count} plain conc=16`, both, 16, ["/v1/jobs"], {}, { target: targets[0] });
  await measure(`list-${count} gzip conc=16`, both, 16, ["/v1/jobs"], GZIP, { target: targets[1] });
  await measure(
    `list-${count} plain, 10 writes/s`,
    both,
    16,
    ["/v1/jobs"],
    {},
    { target: targets[2], during: writing },
  );
  await measure(`list-${count} gzip, 10 writes/s`, both, 16, ["/v1/jobs"], GZIP, {
    target: targets[3],
    during: writing,
  });
  const filter = encodeURIComponent('Name matches "seed-[0-9]+99$"');
  await measure(`list-${count} filter`, both, 16, [`/v1/jobs?filter=${filter}`], {}, { target: 1000 });
  const fresh = Array.from(
    { length: 5000 },
    (_, n) => `/v1/jobs?filter=${encodeURIComponent(`Name matches "seed-[0-9]+${n}$"`)}`,
  );
  await measure(`list-${count} filter, always new`, both, 16, fresh, {}, { target: 150 });
  await measure(
    `list-${count} page of 100`,
    both,
    16,
    [`/v1/jobs?per_page=100&next_token=default.seed-${padded(count / 2)}`],
    {},
  );
  steppe.server.closeAllConnections();
  steppe.server.close();
}
bare.server.closeAllConnections();
bare.server.close();
