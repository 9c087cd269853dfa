import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { THREE_SERVERS } from "../../cluster/topology.mjs";
import { type AgentPlan, Processes, waitFor } from "./processes.js";

const ROUNDS = 20;
const servers = (THREE_SERVERS as AgentPlan[]).map((server) => server.name);

let cluster: Processes;

beforeAll(async () => {
  cluster = await Processes.layOut(THREE_SERVERS as AgentPlan[]);
  cluster.startAll();
  await cluster.waitForLeader("global");
});

afterAll(() => cluster.dispose());

const job = (id: string) => ({
  Job: {
    ID: id,
    Name: id,
    Type: "service",
    Datacenters: ["dc1"],
    TaskGroups: [{ Name: "g", Count: 0, Tasks: [{ Name: "t", Driver: "mock_driver", Config: { run_for: "1s" } }] }],
  },
});

/** Registers jobs one after the other through whichever server is there, and keeps what was acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  #stopped = false;
  #sent = 0;
  readonly #done: Promise<void>;

  constructor(private readonly prefix: string) {
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const id = `${this.prefix}-${String(this.#sent++).padStart(6, "0")}`;
      const server = servers[this.#sent % servers.length] as string;
      try {
        const answer = await cluster.request(server, "/v1/jobs", { method: "PUT", body: job(id), timeoutMs: 30_000 });
        if (answer.status === 200) this.acknowledged.push(id);
      } catch {
        // A server that is down: nothing was acknowledged, so nothing is claimed.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#done;
  }
}

/** Reads with `?stale` from servers that nobody kills; counts what fails. */
class StaleReader {
  reads = 0;
  readonly failures: string[] = [];
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  start(names: readonly string[]): void {
    this.#stopped = false;
    this.#done = Promise.all(names.map((name) => this.#run(name))).then(() => undefined);
  }

  async #run(name: string): Promise<void> {
    while (!this.#stopped) {
      try {
        const answer = await cluster.request(name, "/v1/jobs?stale&per_page=1", { timeoutMs: 10_000 });
        this.reads++;
        if (answer.status !== 200) this.failures.push(`${name}: ${answer.status} ${answer.text}`);
        if (!/^(true|false)$/.test(answer.headers.get("x-nomad-knownleader") ?? ""))
          this.failures.push(`${name}: no KnownLeader`);
      } catch (error) {
        this.failures.push(`${name}: ${String(error)}`);
      }
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#done;
  }
}

interface StateHash {
  readonly Index: number;
  readonly Hash: string;
}

async function equalHashes(): Promise<StateHash[]> {
  const hashes = await Promise.all(servers.map((name) => cluster.json<StateHash>(name, "/v1/status/state")));
  if (hashes.some((other) => other.Index !== hashes[0]?.Index))
    throw new Error(`at different indexes: ${JSON.stringify(hashes)}`);
  return hashes;
}

test(
  `${ROUNDS} rounds of kill -9 under a writer: no acknowledged write is lost, stale reads go on, the states are equal`,
  async () => {
    const writers = [0, 1, 2, 3].map((number) => new Writer(`w${number}`));
    const reader = new StaleReader();
    for (let round = 0; round < ROUNDS; round++) {
      const leader = await cluster.waitForLeader("global");
      const followers = servers.filter((name) => name !== leader);
      const victims = [[leader], [followers[round % 2] as string], servers][round % 3] as string[];
      const survivors = servers.filter((name) => !victims.includes(name));
      const before = writers.reduce((sum, writer) => sum + writer.acknowledged.length, 0);
      reader.start(survivors);
      await Promise.all(victims.map((name) => cluster.kill(name, "SIGKILL")));
      if (survivors.length > 0) {
        await waitFor(async () => {
          const said = await cluster.json<string>(survivors[0] as string, "/v1/status/leader");
          return survivors.some((name) => cluster.agent(name).rpc === said);
        }, `round ${round}: a leader among ${survivors.join()}`);
        await waitFor(
          () => Promise.resolve(writers.reduce((sum, writer) => sum + writer.acknowledged.length, 0) > before + 5),
          `round ${round}: writes after the kill of ${victims.join()}`,
        );
      }
      for (const name of victims) cluster.start(name);
      await cluster.waitForLeader("global");
      await reader.stop();
    }
    await Promise.all(writers.map((writer) => writer.stop()));

    expect(reader.failures).toEqual([]);
    expect(reader.reads).toBeGreaterThan(ROUNDS);
    const hashes = await waitFor(equalHashes, "all servers at the same index");
    expect(new Set(hashes.map((state) => state.Hash)).size).toBe(1);
    const acknowledged = writers.flatMap((writer) => writer.acknowledged);
    expect(acknowledged.length).toBeGreaterThan(ROUNDS * 5);
    for (const name of servers) {
      const listed = new Set((await cluster.json<{ ID: string }[]>(name, "/v1/jobs?stale")).map((row) => row.ID));
      expect(acknowledged.filter((id) => !listed.has(id))).toEqual([]);
    }
  },
  15 * 60_000,
);
