// Proposals per second of three Raft drivers over real sockets and real disks, at several numbers of writers, and requests
// forwarded through one connection. Run `npx tsc -b packages/server` first, then: node packages/server/bench/driver.mjs [seconds]
//
// All three servers share one process here (and so one thread): real clusters have a process each.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock, systemRandom } from "@steppe/shared";
import { openLogStore, openRowStore } from "@steppe/storage";

import { RaftDriver, raftIdOf } from "../dist/raft/index.js";
import { RpcTransport } from "../dist/rpc/index.js";

const seconds = Number(process.argv[2] ?? 3);
const entryBytes = Number(process.argv[3] ?? 4096);
const root = mkdtempSync(join(tmpdir(), "steppe-bench-"));
const logger = { debug() {}, info() {}, warn() {}, error: console.error };
const servers = [1, 2, 3].map((n) => ({
  id: `${String(n).repeat(8)}-0000-4000-8000-000000000000`,
  name: `server-${n}`,
  address: `127.0.0.1:${14640 + n}`,
}));

/** Counts entries and writes each as a row when flushed, as the state does. */
function makeStateMachine(rows) {
  let dirty = [];
  return {
    appliedIndex: 0,
    durableIndex: 0,
    apply(entries) {
      for (const entry of entries) {
        this.appliedIndex = entry.index;
        if (entry.data.byteLength > 0) dirty.push({ table: "jobs", key: `${entry.index % 10_000}`, value: entry.data });
      }
      return entries.map(() => undefined);
    },
    async flush() {
      const batch = dirty;
      dirty = [];
      const index = this.appliedIndex;
      await rows.write(batch, index, {});
      this.durableIndex = index;
    },
    async *snapshotChunks() {},
    async restore() {},
  };
}

async function startServer({ id, name, address }) {
  const directory = join(root, name);
  const log = await openLogStore(join(directory, "raft"));
  const rows = await openRowStore(join(directory, "state"));
  const common = { clock: systemClock, random: systemRandom, logger };
  const transport = new RpcTransport({
    identity: { region: "global", id: raftIdOf(id) },
    host: "127.0.0.1",
    port: Number(address.split(":")[1]),
    ...common,
  });
  const driver = new RaftDriver({
    id,
    log,
    stateMachine: makeStateMachine(rows),
    syncState: () => rows.sync(),
    transport,
    onRequest: () => ({ status: 200, headers: { "X-Nomad-Index": "17" }, body: "{}" }),
    ...common,
    snapshotDirectory: join(directory, "incoming"),
    onFatal: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
  await driver.start(servers);
  return { driver, transport, log, rows };
}

/** Runs `operation` from `concurrency` loops for a while. */
async function measure(label, concurrency, operation) {
  const latencies = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  let heldMs = 0;
  let last = begin;
  const watch = setInterval(() => {
    heldMs = Math.max(heldMs, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() - begin < seconds * 1000) {
        const start = performance.now();
        await operation();
        latencies.push(performance.now() - start);
      }
    }),
  );
  clearInterval(watch);
  const elapsed = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor((latencies.length - 1) * share)].toFixed(1);
  console.log(
    `${label} at ${String(concurrency).padStart(3)}: ${Math.round(latencies.length / elapsed)}/s, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${Math.round((used.user + used.system) / latencies.length)} us CPU each, ` +
      `event loop held ${Math.round(heldMs)} ms`,
  );
}

const running = [];
for (const server of servers) running.push(await startServer(server));
let leader;
while ((leader = running.find(({ driver }) => driver.hasLease())) === undefined)
  await new Promise((r) => setTimeout(r, 50));
const data = () => Buffer.from("x".repeat(entryBytes));
for (const writers of [1, 16, 64, 256]) await measure("proposals", writers, () => leader.driver.propose(data()));
for (const readers of [1, 64]) await measure("readIndex", readers, () => leader.driver.readIndex());
const follower = running.find((server) => server !== leader);
const request = {
  method: "PUT",
  url: "/v1/jobs?x=1",
  headers: { "content-type": "application/json" },
  body: data(),
  remoteAddress: "",
};
for (const callers of [1, 64])
  await measure("calls", callers, () => follower.transport.call(follower.driver.leaderId(), request));
await measure("hasLease", 1, async () => {
  for (let i = 0; i < 1000; i++) leader.driver.hasLease();
});
for (const { driver, log, rows } of running) {
  await driver.stop();
  await log.close();
  await rows.close();
}
rmSync(root, { recursive: true });
