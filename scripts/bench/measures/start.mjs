// Start to first answered write, fresh and with 10,000 jobs; memory and CPU of a leader that has nothing to do.
import { withBareServer } from "../anchors.mjs";
import { pause, registration, seedJobs } from "../api.mjs";
import { requestOnce } from "../connection.mjs";
import { cpuMs, residentMiB } from "../processes.mjs";

export const name = "start";
const MAX_START_MS = 60_000;

export async function run(context) {
  const bare = await withBareServer(context.directory, "{}", async ({ pid, startMs }) => ({
    startMs,
    memory: residentMiB(pid),
  }));
  const values = [];
  for (let repetition = 0; repetition < context.sizes.starts; repetition++) {
    context.say(`fresh start ${repetition + 1} of ${context.sizes.starts}`);
    const start = async (cluster) => {
      const startedAt = performance.now();
      await cluster.start({ wait: false });
      values.push(await firstWrite(cluster.servers[0], startedAt));
    };
    await context.withOwnCluster(1, start, { start: false });
  }
  context.record("start.fresh", { values, anchor: bare.startMs });
  await measureFull(context, bare);
  await measureFootprint(context, bare);
}

async function measureFull(context, bare) {
  const { jobs, starts } = context.sizes;
  if (jobs < 10_000) return;
  await context.withOwnCluster(1, async (cluster) => {
    const [server] = cluster.servers;
    context.say(`seeding ${jobs} jobs`);
    await seedJobs(server.address, 0, jobs);
    const values = [];
    for (let repetition = 0; repetition < starts; repetition++) {
      context.say(`start with ${jobs} jobs, after kill -9, ${repetition + 1} of ${starts}`);
      await pause(1000);
      await cluster.kill(server);
      const startedAt = performance.now();
      cluster.startServer(server);
      values.push(await firstWrite(server, startedAt));
    }
    context.record("start.10000", { values, anchor: bare.startMs });
  });
}

async function measureFootprint(context, bare) {
  const { jobs, idleSeconds } = context.sizes;
  await context.withOwnCluster(3, async (cluster) => {
    const [leader] = await cluster.leaderFirst();
    const { pid } = leader.process;
    context.say("memory, idle");
    await pause(3000);
    context.record("memory.idle", { values: [residentMiB(pid)], anchor: bare.memory });
    if (jobs < 10_000) return;
    context.say(`memory and CPU with ${jobs} jobs`);
    await seedJobs(leader.address, 0, jobs);
    await pause(5000);
    context.record("memory.10000", { values: [residentMiB(pid)], anchor: bare.memory });
    const [before, startedAt] = [cpuMs(pid), performance.now()];
    await pause(idleSeconds * 1000);
    context.record("cpu.10000", { values: [((cpuMs(pid) - before) / (performance.now() - startedAt)) * 100] });
  });
}

/** Tries to register a job every few ms; the time from the start to the answer, in ms. */
async function firstWrite(server, startedAt) {
  const { method, path, body } = registration("start");
  while (performance.now() - startedAt < MAX_START_MS) {
    const answer = await requestOnce(server.address, method, path, { body, timeoutMs: 5000 }).catch(() => undefined);
    if (answer?.status === 200) return answer.endedAt - startedAt;
    await pause(5);
  }
  throw new Error(`${server.name} accepted no write within ${MAX_START_MS / 1000} s; see ${server.log}`);
}
