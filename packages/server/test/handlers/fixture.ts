import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { test } from "@jest/globals";
import { type Clock, seededRandom, SteppeError, systemClock } from "@steppe/shared";
import { type CommandName, encodeCommand, type PayloadOf, type ResultOf, StateStore } from "@steppe/state";
import { type Allocation, canonicalizeJob, decode, type Job, type JobInput, NodeSchema } from "@steppe/structs";

import type { RaftPeer, ServerContext, ServerHealth } from "../../src/context.js";
import { handlers } from "../../src/handlers/index.js";
import { makeRequest, Pipeline } from "../../src/http/index.js";
import type { Member } from "../../src/membership/index.js";

const SHARED = fileURLToPath(new URL("../../../../../shared/", import.meta.url));

export interface Recording {
  request: { method: string; url: string; body?: unknown };
  status: number;
  headers: Record<string, string>;
  body: string;
}

export const golden = (name: string): Recording =>
  JSON.parse(readFileSync(`${SHARED}golden/${name}.json`, "utf8")) as Recording;

/** `test`, or a skipped one that says why where the recordings of a real agent are not beside the repository. */
export function goldenTest(name: string, fn: () => Promise<void>): void {
  if (existsSync(`${SHARED}golden`)) test(name, fn);
  else test.skip(`${name} (skipped: no recordings at ../shared)`, fn);
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  raw: Buffer;
  text: string;
  json: unknown;
}

const SELF: Member = {
  name: "golden.global",
  id: "60b2eded-6c0b-4b98-8128-521f47f117f3",
  region: "global",
  datacenter: "dc1",
  serfAddress: "127.0.0.1:4648",
  rpcAddress: "127.0.0.1:4647",
  httpAddress: "127.0.0.1:4646",
  build: "0.1.0",
  expect: 1,
  bootstrapped: true,
  incarnation: 1,
  left: false,
  status: "alive",
  lastSeenMs: 0,
};

const PEER: RaftPeer = { id: SELF.id, name: "golden", address: SELF.rpcAddress, voter: true };

/** One server whose log is a call: commands are applied where they are proposed. */
export class TestServer {
  readonly state = new StateStore({ freeze: "deep" });
  readonly heartbeats: string[] = [];
  readonly #pipeline: Pipeline;
  collected = 0;
  peers: RaftPeer[] = [PEER];
  health: ServerHealth[] = [];
  readonly removed: string[] = [];
  readonly transferred: string[] = [];

  constructor(clock: Clock = systemClock) {
    const random = seededRandom(7);
    const unused = () => {
      throw new Error("not in this test");
    };
    const context: ServerContext = {
      config: {
        name: "golden",
        id: SELF.id,
        region: "global",
        datacenter: "dc1",
        version: "0.1.0",
        httpAddress: SELF.httpAddress,
        rpcAddress: SELF.rpcAddress,
        minHeartbeatTTLMs: 10_000,
        maxHeartbeatsPerSecond: 50,
        heartbeatGraceMs: 10_000,
        agent: { Region: "global" },
      },
      state: this.state,
      raft: {
        propose: unused,
        readIndex: () => Promise.resolve(),
        waitApplied: () => Promise.resolve(),
        hasLease: () => true,
        isLeader: () => true,
        leaderId: () => 1,
        leader: () => PEER,
        term: () => 2,
        lastContactMs: () => 0,
        onLeadership: () => undefined,
        configuration: () => this.peers,
      },
      clock,
      random,
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      metrics: {
        increment: () => undefined,
        gauge: () => undefined,
        sample: () => undefined,
        summary: () => ({ Gauges: [] }),
        prometheus: () => Promise.resolve("# none\n"),
      },
      members: { members: () => [SELF], self: () => SELF },
      duties: {
        heartbeat: (nodeID) => {
          this.heartbeats.push(nodeID);
          return 12_000;
        },
        collectGarbage: () => {
          this.collected++;
          return Promise.resolve();
        },
      },
      operations: {
        removePeer: (id) => Promise.resolve(void this.removed.push(id)),
        transferLeadership: (id) => Promise.resolve(void this.transferred.push(id)),
        serverHealth: () => this.health,
        forwardToLeader: unused,
        archiveDirectory: join(tmpdir(), "steppe-test-archives"),
      },
      propose: (name, payload) => Promise.resolve().then(() => this.apply(name, payload)),
    };
    this.#pipeline = new Pipeline({ context, handlers, callLeader: unused, forwardToRegion: unused });
  }

  apply<N extends CommandName>(name: N, payload: PayloadOf<N>): { index: number; result: ResultOf<N> } {
    const index = this.state.index + 1;
    const [result] = this.state.apply([{ index, term: 1, data: encodeCommand(name, payload) }]);
    if (result instanceof SteppeError) throw result;
    return { index, result: result as ResultOf<N> };
  }

  async ask(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const bytes = bytesOf(body);
    const response = await this.#pipeline.handle(
      makeRequest({ method, url, headers, ...(bytes ? { body: bytes } : {}) }),
    );
    const raw =
      response.body instanceof Readable ? Buffer.concat(await response.body.toArray()) : Buffer.from(response.body);
    const text = raw.toString();
    const json: unknown = response.headers["Content-Type"]?.startsWith("application/json") ? JSON.parse(text) : null;
    return { status: response.status, headers: response.headers, raw, text, json };
  }

  get(url: string): Promise<Answer> {
    return this.ask("GET", url);
  }

  /** Registers a node as its agent does. */
  async addNode(id: string, status = "ready"): Promise<void> {
    const node = decode(NodeSchema, {
      ID: id,
      SecretID: `secret-of-${id}`,
      Name: "n1",
      Status: status,
      HTTPAddr: "127.0.0.1:4646",
    });
    await this.ask("PUT", `/v1/node/${id}/register`, { Node: node }, secretOf(id));
  }

  /** Places an allocation of a registered job, as the plan applier does. */
  place(job: Job, id: string, nodeID: string): void {
    const { Job: _, ...rest } = allocation(job, id, nodeID);
    this.apply("planApply", {
      plans: [
        {
          evalID: "",
          snapshotIndex: 0,
          allocsPlaced: [{ ...rest, Job: { CreateIndex: job.CreateIndex, Version: job.Version } } as never],
          allocsUpdated: [],
          deployment: null,
          deploymentUpdates: [],
          evaluations: [],
        },
      ],
    } as never);
  }
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined || body instanceof Buffer) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

export const secretOf = (id: string): Record<string, string> => ({ "x-steppe-node-secret": `secret-of-${id}` });

export const uuid = (digit: string): string => `${digit.repeat(8)}-1111-4111-8111-111111111111`;

export const jobInput = (id: string, extra: JobInput = {}): JobInput => ({
  ID: id,
  Datacenters: ["dc1"],
  TaskGroups: [{ Name: "g", Tasks: [{ Name: "t", Driver: "mock_driver" }] }],
  ...extra,
});

export const canonical = (id: string): Job => canonicalizeJob(jobInput(id), { nowNs: 1e18 });

function allocation(job: Job, id: string, nodeID: string): Allocation {
  return {
    ID: id,
    Namespace: job.Namespace,
    EvalID: uuid("e"),
    Name: `${job.ID}.g[0]`,
    NodeID: nodeID,
    NodeName: "n1",
    JobID: job.ID,
    Job: job,
    TaskGroup: "g",
    AllocatedResources: { Tasks: {}, TaskLifecycles: {}, Shared: { Networks: null, DiskMB: 300, Ports: null } },
    DesiredStatus: "run",
    ClientStatus: "pending",
    CreateIndex: 0,
    ModifyIndex: 0,
    AllocModifyIndex: 0,
    CreateTime: 1e18,
    ModifyTime: 1e18,
  };
}

/** The keys of a JSON value at every depth, in place of its values. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? [shapeOf(value[0])] : [];
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
}
