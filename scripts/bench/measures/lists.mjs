// The list of jobs at three sizes, quiet and while jobs are written; pages and regular expressions over the largest.
import { gzipSync } from "node:zlib";

import { bareGets } from "../anchors.mjs";
import { checkedGet, countJobs, eventLoopHoldMs, pause, registration, seedJobs, seededId } from "../api.mjs";
import { Connection } from "../connection.mjs";
import { getLoad, headerLines } from "../load.mjs";

export const name = "lists";
const CONNECTIONS = 16;
const GZIP = { "Accept-Encoding": "gzip" };

export async function run(context) {
  await context.withServers(3, async ([leader]) => {
    let have = await countJobs(leader.address, "seed-");
    const others = (await countJobs(leader.address, "")) - have;
    if (others > 0) context.warn(`${others} other jobs make the lists longer than they say`);
    for (const jobs of context.sizes.lists.filter((size) => size >= have)) {
      context.say(`seeding ${jobs} jobs`);
      await seedJobs(leader.address, have, jobs);
      have = jobs;
      await measureList(context, leader, jobs);
    }
    if (have < 10_000) return;
    await measurePages(context, leader);
    await measureFilters(context, leader);
  });
}

async function measureList(context, leader, jobs) {
  const { sizes, directory } = context;
  const { body } = await checkedGet(leader.address, "/v1/jobs");
  const load = (id, headers) =>
    context.repeat(id, async () => {
      const { perSecond } = await getLoad(leader.address, {
        connections: CONNECTIONS,
        seconds: sizes.seconds,
        paths: ["/v1/jobs"],
        headers,
      });
      return perSecond;
    });
  for (const [kind, headers] of [
    ["plain", {}],
    ["gzip", GZIP],
  ]) {
    const answer = await checkedGet(leader.address, "/v1/jobs", headerLines(headers));
    if (kind === "gzip" && answer.header("content-encoding") !== "gzip")
      context.warn(`/v1/jobs of ${jobs} jobs is not compressed`);
    const bytes = kind === "gzip" ? gzipSync(body) : body;
    const encoding = kind === "gzip" ? "gzip" : "";
    const anchor = await bareGets(directory, bytes, {
      connections: CONNECTIONS,
      seconds: sizes.anchorSeconds,
      encoding,
    });
    const id = `list.${jobs}.${kind}`;
    context.record(id, {
      values: await load(id, headers),
      anchor,
      note: `${answer.bytes.toLocaleString("en-US")} bytes`,
    });
    if (jobs < 1000) continue;
    await eventLoopHoldMs(leader.address); // starts a new interval of the metric
    const stop = writeEvery(leader.address, 100);
    context.record(`${id}.written`, { values: await load(`${id}.written`, headers), anchor });
    const { written, failed } = await stop();
    if (failed > 0) context.warn(`${failed} of ${written + failed} writes beside the lists failed`);
    const hold = await eventLoopHoldMs(leader.address);
    if (hold !== undefined) context.recordWorst(`list.${jobs}.hold`, hold);
  }
}

/** Writes one job anew every `intervalMs` until stopped. */
function writeEvery(address, intervalMs) {
  const counts = { written: 0, failed: 0 };
  let stopped = false;
  const loop = async () => {
    const connection = await Connection.open(address);
    for (let i = 0; !stopped && i < 100_000; i++) {
      const { method, path, body } = registration(seededId(i % 100), { meta: { v: `${Date.now()}-${i}` } });
      const due = pause(intervalMs);
      const ok = await connection.request(method, path, { body }).then(
        (answer) => answer.status === 200,
        () => false,
      );
      counts[ok ? "written" : "failed"]++;
      if (!connection.connected) break;
      await due;
    }
    connection.close();
  };
  const done = loop().catch(() => counts.failed++);
  return async () => {
    stopped = true;
    await done;
    return counts;
  };
}

async function measurePages(context, leader) {
  const values = await context.repeat("pages", async () => {
    const connection = await Connection.open(leader.address);
    const startedAt = performance.now();
    let token = "";
    for (let page = 0; page < 1000; page++) {
      const path = `/v1/jobs?per_page=100${token && `&next_token=${encodeURIComponent(token)}`}`;
      const answer = await connection.request("GET", path);
      if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status}`);
      token = answer.header("x-nomad-nexttoken") ?? "";
      if (token === "") break;
    }
    connection.close();
    return performance.now() - startedAt;
  });
  context.record("pages", { values });
}

async function measureFilters(context, leader) {
  const path = (expression) => `/v1/jobs?filter=${encodeURIComponent(expression)}`;
  // Every pattern of a run is another one, and each finds the same hundredth of the jobs.
  let serial = 0;
  const newPath = () => path(`Name matches "seed-[0-9]+(99|${1_000_000_000 + serial++})$"`);
  const cases = [
    ["filter.new", () => Array.from({ length: 1000 * context.sizes.seconds }, newPath)],
    ["filter.repeated", () => [path('Name matches "seed-[0-9]+99$"')]],
  ];
  for (const [id, paths] of cases) {
    await checkedGet(leader.address, paths()[0]);
    const values = await context.repeat(id, async () => {
      const load = { connections: CONNECTIONS, seconds: context.sizes.seconds, paths: paths() };
      return (await getLoad(leader.address, load)).perSecond;
    });
    context.record(id, { values });
  }
}
