// kill -9 of the leader under a steady stream of writes and stale reads to the survivors.
import { pause, registration, seedJobs, seededId, untilEvaluated } from "../api.mjs";
import { Connection } from "../connection.mjs";
import { median } from "../statistics.mjs";

export const name = "failover";
const INTERVAL_MS = 20;
const MAX_OUTAGE_MS = 25_000;

export async function run(context) {
  await context.withOwnCluster(3, async (cluster) => {
    await seedJobs((await cluster.leaderFirst())[0].address, 0, 10);
    const outages = [];
    let failedReads = 0;
    for (let round = 0; round < context.sizes.failovers; round++) {
      const result = await killLeader(cluster, round);
      outages.push(result.outageMs);
      failedReads += result.failedReads;
      context.say(`failover ${round + 1} of ${context.sizes.failovers}: ${Math.round(result.outageMs)} ms`);
    }
    context.record("failover.median", { values: [median(outages)], note: `${outages.length} rounds` });
    context.record("failover.worst", { values: [Math.max(...outages)] });
    context.record("failover.stale", { values: [failedReads] });
  });
}

/** One round. The outage is the time from the kill to the first answer to a write that was sent after it. */
async function killLeader(cluster, round) {
  const [leader, ...survivors] = await cluster.leaderFirst();
  const streams = survivors.map((server) => new Stream(server.address));
  let sent = 0;
  const timer = setInterval(() => {
    const stream = streams[sent % streams.length];
    const { method, path, body } = registration(`failover-${round}-${sent++}`);
    stream.send("write", method, path, body);
    stream.send("read", "GET", `/v1/job/${seededId(0)}?stale`);
  }, INTERVAL_MS);
  await pause(1000);
  const killedAt = performance.now();
  await cluster.kill(leader);
  const records = () => streams.flatMap((stream) => stream.records);
  const answered = () => records().filter(({ kind, sentAt, ok }) => kind === "write" && ok && sentAt > killedAt);
  while (answered().length === 0 && performance.now() - killedAt < MAX_OUTAGE_MS) await pause(10);
  await pause(1000); // reads and writes go on for a while: a second outage would show
  clearInterval(timer);
  await pause(200);
  const outageMs = Math.min(MAX_OUTAGE_MS, ...answered().map(({ endedAt }) => endedAt - killedAt));
  const failedReads = records().filter(({ kind, ok }) => kind === "read" && ok === false).length;
  for (const stream of streams) stream.close();
  cluster.startServer(leader);
  const [next] = await cluster.leaderFirst();
  await untilEvaluated(next.address);
  await pause(1500); // the restarted server catches up, so that the next round has three
  return { outageMs, failedReads };
}

/** Requests on an open loop: each is sent when it is due, on an idle connection or a new one. */
class Stream {
  records = [];
  #idle = [];
  #all = new Set();

  constructor(address) {
    this.address = address;
  }

  send(kind, method, path, body) {
    const record = { kind, sentAt: performance.now(), endedAt: NaN, ok: undefined };
    this.records.push(record);
    this.#request(method, path, body).then(
      (ok) => Object.assign(record, { ok, endedAt: performance.now() }),
      () => Object.assign(record, { ok: false, endedAt: performance.now() }),
    );
  }

  close() {
    for (const connection of this.#all) connection.close();
  }

  async #request(method, path, body) {
    const connection = this.#idle.pop() ?? (await Connection.open(this.address));
    this.#all.add(connection);
    const { status } = await connection.request(method, path, { body, timeoutMs: 20_000 });
    if (connection.connected) this.#idle.push(connection);
    return status === 200;
  }
}
