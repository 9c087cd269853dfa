#!/usr/bin/env node
// `npm run cluster`: two federated regions on loopback as separate processes. State is kept in data/cluster, so that a
// second start finds it; `npm run cluster -- --fresh` begins anew.
import { rmSync } from "node:fs";
import { join } from "node:path";

import { layOut, TWO_REGIONS } from "../cluster/topology.mjs";
import { request, startAgent, stopAgents, stopOnSignals, waitFor } from "./agent-process.mjs";
import { prepare, root } from "./prepare.mjs";

await prepare();

const directory = join(root, "data/cluster");
if (process.argv.includes("--fresh")) rmSync(directory, { recursive: true, force: true });
const agents = layOut(TWO_REGIONS, { directory, basePort: 4700 });
const stopping = stopOnSignals(() => console.log("\nStopping all agents ..."));

console.log(`Starting ${agents.length} agents; their state is in data/cluster ...`);
for (const agent of agents) {
  startAgent(["agent", `-config=${agent.file}`], {
    onExit: (code) => {
      if (!stopping()) console.error(`${agent.name} has ended with code ${code}.`);
    },
  });
}

const first = agents[0].http;
const clients = agents.filter((agent) => agent.role === "client");
const ready = await waitFor(async () => {
  const nodes = await Promise.all(["global", "eu"].map((region) => request(first, `/v1/nodes?region=${region}`)));
  return nodes.flat().filter((node) => node.Status === "ready").length === clients.length;
}, 30_000);
if (!ready) {
  console.error("The cluster did not get ready within 30 s.");
  await stopAgents();
  process.exit(1);
}
const leader = async (region) => request(first, `/v1/status/leader?region=${region}`);
const leaders = [await leader("global"), await leader("eu")];

console.log("\n  REGION  ROLE    NAME             HTTP                    RPC");
for (const agent of agents) {
  const note = leaders.includes(agent.rpc) ? "  leader" : "";
  console.log(
    `  ${agent.region.padEnd(6)}  ${agent.role.padEnd(6)}  ${agent.name.padEnd(15)}  http://${agent.http.padEnd(15)}  ${agent.rpc}${note}`,
  );
}
console.log(`
Try next, in another terminal:
  curl -X PUT -d @cluster/jobs/hello.json http://${first}/v1/jobs
  curl http://${agents[1].http}/v1/job/hello/allocations?pretty
  curl http://${first}/v1/nodes?region=eu

Ctrl-C stops all of them.`);
