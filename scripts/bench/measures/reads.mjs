// GETs of one job by every road: the leader, followers in each consistency mode, and another region.
import { bareGets } from "../anchors.mjs";
import { checkedGet, pause, seedJobs, seededId } from "../api.mjs";
import { requestOnce } from "../connection.mjs";
import { getLoad } from "../load.mjs";

export const name = "reads";
const JOBS = 500;

export async function run(context) {
  const { sizes } = context;
  await context.withServers(3, async (servers) => {
    const [leader, follower] = servers;
    context.say(`seeding ${JOBS} jobs`);
    await seedJobs(leader.address, 0, JOBS);
    const paths = (query) => Array.from({ length: JOBS }, (_, i) => `/v1/job/${seededId(i)}${query}`);
    const { body } = await checkedGet(leader.address, paths("")[0]);
    const anchors = new Map();
    for (const connections of [64, 32]) {
      context.say(`bare node:http, ${connections} connections`);
      anchors.set(connections, await bareGets(context.directory, body, { connections, seconds: sizes.anchorSeconds }));
    }
    const measure = async (id, server, query, connections) => {
      await checkedGet(server.address, paths(query)[0]);
      const values = await context.repeat(id, async () => {
        const load = await getLoad(server.address, { connections, seconds: sizes.seconds, paths: paths(query) });
        return load.perSecond;
      });
      context.record(id, { values, anchor: anchors.get(connections) });
    };
    await measure("read.leader", leader, "", 64);
    if (follower) {
      await measure("read.stale", follower, "?stale", 64);
      await measure("read.forwarded", follower, "", 64);
      await measure("read.consistent", follower, "?consistent", 64);
    }
    await context.withOtherRegion(servers, async (remote, region) => {
      await waitForRegion(remote.address, `${paths("")[0]}?region=${region}`);
      await measure("read.region", remote, `?region=${region}`, 32);
    });
  });
}

/** The regions need a moment until they know each other. */
async function waitForRegion(address, path) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await requestOnce(address, "GET", path).catch(() => undefined);
    if (answer?.status === 200) return;
    await pause(100);
  }
  throw new Error(`${address}${path} does not answer: the regions are not federated`);
}
