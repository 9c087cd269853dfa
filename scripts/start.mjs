#!/usr/bin/env node
// `npm start`: a development agent (server and client in one process) that runs cluster/jobs/hello.json.
// Arguments are handed to the agent: `npm start -- -config my.json`.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { request, startAgent, stopAgents, stopOnSignals, waitFor } from "./agent-process.mjs";
import { prepare, root } from "./prepare.mjs";

await prepare();

const args = process.argv.slice(2);
const httpPort = Number(args.find((arg) => /^--?http-port=/.test(arg))?.split("=")[1] ?? 4646);
const address = `127.0.0.1:${httpPort}`;
const stopping = stopOnSignals(() => console.log("\nStopping the agent and its tasks ..."));

console.log("Starting a development agent (server and client in one process) ...");
startAgent(["agent", "-dev", "-log-level=WARN", ...args], {
  onExit: (code) => {
    if (!stopping()) process.exit(code ?? 1);
  },
});

const ready = await waitFor(
  async () => (await request(address, "/v1/nodes")).some((node) => node.Status === "ready"),
  30_000,
);
if (!ready) await giveUp("The agent did not get ready within 30 s.");

const hello = JSON.parse(readFileSync(join(root, "cluster/jobs/hello.json"), "utf8"));
await request(address, "/v1/jobs", { method: "PUT", body: hello });
console.log("Registered cluster/jobs/hello.json; waiting for its process ...");
const allocation = await waitFor(async () => {
  const allocations = await request(address, "/v1/job/hello/allocations");
  return allocations.find((candidate) => candidate.ClientStatus === "running");
}, 30_000);
if (!allocation)
  await giveUp(`The job's process did not start within 30 s: see http://${address}/v1/job/hello/allocations`);
const job = await request(address, "/v1/job/hello");

console.log(`
  Job         ${job.ID} (${job.Type}, version ${job.Version}): ${job.Status}
  Allocation  ${allocation.ID.slice(0, 8)} on ${allocation.NodeName}: ${allocation.ClientStatus}
  API         http://${address}/v1/jobs

Try next, in another terminal:
  curl http://${address}/v1/job/hello?pretty                what was registered, with every default
  curl http://${address}/v1/job/hello/allocations?pretty    where it runs, and what happened to it
  curl 'http://${address}/v1/jobs?index=${job.ModifyIndex}&wait=60s'          answers when a job changes
  curl -X DELETE http://${address}/v1/job/hello             stops it
  npm run cluster                                         two regions, seven processes

Ctrl-C stops the agent and its tasks.`);

async function giveUp(reason) {
  console.error(reason);
  await stopAgents();
  process.exit(1);
}
