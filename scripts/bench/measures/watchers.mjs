// Thousands of blocking queries and one write: how long until the last of them has its answer, and that no other is woken.
import { readFileSync } from "node:fs";

import { withBareServer } from "../anchors.mjs";
import { checkedGet, pause, registration, seedJobs, seededId, untilEvaluated } from "../api.mjs";
import { Connection, openConnections } from "../connection.mjs";

export const name = "watchers";
const MAX_WAIT_MS = 10_000;

export async function run(context) {
  const allowed = Number(/Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  await context.withServers(3, async ([leader]) => {
    await seedJobs(leader.address, 0, 10);
    const rewrite = (i) => registration(seededId(i), { meta: { v: `${Date.now()}-${Math.random()}` } });
    for (const watchers of context.sizes.watchers) {
      if (allowed < watchers + 100) {
        context.warn(`${watchers} watchers need more than the ${allowed} files this process may open (ulimit -n)`);
        continue;
      }
      for (const [kind, path, job] of [
        ["list", "/v1/jobs", 0],
        ["job", `/v1/job/${seededId(1)}`, 1],
      ]) {
        const id = `watch.${kind}.${watchers}`;
        const { body } = await checkedGet(leader.address, path);
        const anchor = await withBareServer(context.directory, body, ({ address }) => lastHeld(address, watchers));
        const values = await context.repeat(id, async () => {
          await untilEvaluated(leader.address);
          const woken = await watch(leader.address, path, watchers, rewrite(job));
          if (woken.length < watchers)
            context.warn(`${id}: ${watchers - woken.length} got no answer within ${MAX_WAIT_MS} ms`);
          return woken.length < watchers ? MAX_WAIT_MS : Math.max(...woken);
        });
        context.record(id, { values, anchor });
      }
    }
    context.say("a write to another job");
    await untilEvaluated(leader.address);
    const spurious = await watch(leader.address, `/v1/job/${seededId(2)}`, context.sizes.watchers[0], rewrite(3), 3000);
    context.record("watch.other", { values: [spurious.length] });
  });
}

/** The times, in ms after the write was sent, at which the watchers had their answers. */
async function watch(address, path, watchers, write, maxWaitMs = MAX_WAIT_MS) {
  const index = (await checkedGet(address, path)).header("x-nomad-index");
  const connections = await openConnections(address, watchers);
  let writtenAt = Infinity;
  let early = 0;
  const woken = [];
  for (const connection of connections) {
    connection.request("GET", `${path}?index=${index}&wait=60s`).then(
      ({ endedAt }) => (endedAt < writtenAt ? early++ : woken.push(endedAt - writtenAt)),
      () => {}, // closed below, or counted as not woken
    );
  }
  await pause(1500 + watchers / 2); // until every query waits
  const writer = await Connection.open(address);
  writtenAt = performance.now();
  const { status } = await writer.request(write.method, write.path, { body: write.body });
  while (woken.length + early < watchers && performance.now() - writtenAt < maxWaitMs) await pause(10);
  for (const connection of [writer, ...connections]) connection.close();
  if (status !== 200) throw new Error(`the write was answered with ${status}`);
  if (early > 0) throw new Error(`${early} watchers were answered before the write`);
  return woken;
}

async function lastHeld(address, watchers) {
  const connections = await openConnections(address, watchers);
  const answers = connections.map((connection) => connection.request("GET", "/hold"));
  await pause(500 + watchers / 5);
  const writer = await Connection.open(address);
  const startedAt = performance.now();
  await writer.request("PUT", "/release", { body: "{}" });
  const ended = (await Promise.all(answers)).map(({ endedAt }) => endedAt - startedAt);
  for (const connection of [writer, ...connections]) connection.close();
  return Math.max(...ended);
}
