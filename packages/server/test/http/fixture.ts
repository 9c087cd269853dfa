import http, { type IncomingMessage, type Server } from "node:http";
import { Readable } from "node:stream";

import { type EndpointName, endpointEntries } from "@steppe/api";
import { type Clock, seededRandom, systemClock } from "@steppe/shared";
import { type CommandName, encodeCommand, jobKey, type PayloadOf, StateStore } from "@steppe/state";
import { canonicalizeJob, decodeJob, jobListStub } from "@steppe/structs";

import type { Raft, RaftPeer, ServerContext } from "../../src/context.js";
import type { AccessControl } from "../../src/http/access.js";
import type { Handlers } from "../../src/http/handler.js";
import { closeServer, createHttpServer, listen } from "../../src/http/http-server.js";
import type { CallLeader } from "../../src/http/leader-calls.js";
import { listSource } from "../../src/http/list-source.js";
import { Pipeline, type PipelineOptions } from "../../src/http/pipeline.js";
import type { ReadResult } from "../../src/http/handler.js";

/** Raft as a test wants it to be at the moment. */
export class FakeRaft implements Raft {
  leading = true;
  lease = true;
  leaderNumber = 1;
  contactMs = 0;
  readIndexes = 0;
  onReadIndex: () => Promise<void> = () => Promise.resolve();

  propose(): Promise<{ index: number; result: unknown }> {
    return Promise.reject(new Error("the fixture proposes through its context"));
  }
  readIndex(): Promise<void> {
    this.readIndexes++;
    return this.onReadIndex();
  }
  waitApplied(): Promise<void> {
    return Promise.resolve();
  }
  hasLease(): boolean {
    return this.lease;
  }
  isLeader(): boolean {
    return this.leading;
  }
  leaderId(): number {
    return this.leaderNumber;
  }
  leader(): RaftPeer | undefined {
    return undefined;
  }
  term(): number {
    return 1;
  }
  lastContactMs(): number {
    return this.contactMs;
  }
  onLeadership(): void {
    // Nobody listens in these tests.
  }
  configuration(): readonly RaftPeer[] {
    return [];
  }
  follow(leader = 2): void {
    this.leading = false;
    this.lease = false;
    this.leaderNumber = leader;
  }
}

export const NOW_NS = 1795326287396606000;

/** A state with ways to write to it. */
export class Cluster {
  readonly state = new StateStore({ freeze: "deep" });
  index = this.state.appliedIndex;

  apply<N extends CommandName>(name: N, payload: PayloadOf<N>): { index: number; result: unknown } {
    this.index++;
    const data = encodeCommand(name, payload);
    const [result] = this.state.apply([{ index: this.index, term: 1, data }]);
    if (result instanceof Error) throw result;
    return { index: this.index, result };
  }

  register(id: string, extra: object = {}): number {
    const task = { Name: "t", Driver: "mock_driver", Config: { run_for: "10h" } };
    const input = {
      ID: id,
      Name: id,
      Type: "service",
      Datacenters: ["dc1"],
      TaskGroups: [{ Name: "g", Count: 1, Tasks: [task] }],
      ...extra,
    };
    const job = canonicalizeJob(decodeJob(input), { nowNs: NOW_NS, region: "global" });
    return this.apply("jobRegister", { job, evaluation: null } as PayloadOf<"jobRegister">).index;
  }

  evaluate(...rows: { readonly ID: string; readonly Namespace?: string }[]): number {
    const evaluations = rows.map((row) => ({ Namespace: "default", JobID: "web", Status: "complete", ...row }));
    return this.apply("evalUpsert", { evaluations } as unknown as PayloadOf<"evalUpsert">).index;
  }
}

export const jobsSource = listSource({
  table: "jobs",
  join: "jobSummaries",
  order: "namespace",
  stub: (job, summary) => jobListStub(job, summary),
});

export const evaluationsSource = listSource({ table: "evaluations", order: "created", stub: (row) => row });

/** A handler for every endpoint: what the pipeline does is tested with those of jobs and evaluations. */
export function makeHandlers(overrides: Partial<Handlers> = {}): Handlers {
  const handlers: Record<string, unknown> = {};
  for (const [name, endpoint] of endpointEntries) {
    if (endpoint.kind === "read" && endpoint.list !== undefined) handlers[name] = () => jobsSource;
    else if (endpoint.kind === "read") handlers[name] = genericRead(name);
    else if (endpoint.kind === "write") handlers[name] = () => Promise.resolve({ data: { name }, index: 7 });
    else if (endpoint.kind === "stream")
      handlers[name] = () => ({ stream: Readable.from([name]), contentType: "text/plain" });
    else handlers[name] = () => ({ data: { name } });
  }
  handlers["listEvaluations"] = () => evaluationsSource;
  handlers["getJob"] = readJob;
  return { ...handlers, ...overrides } as unknown as Handlers;
}

const readJob: Handlers["getJob"] = (view, { params, namespace }) => {
  const key = jobKey(namespace, params.id);
  const row = view.get("jobs", key);
  const index = view.rowIndex("jobs", key);
  return row === undefined ? { missing: "job not found", index } : { row, index };
};

function genericRead(name: EndpointName): (view: { tableIndex(table: "jobs"): number }) => ReadResult {
  const data = { name, list: Array.from({ length: 300 }, (_, n) => `item ${n}`) };
  return (view) => ({ data, index: view.tableIndex("jobs") });
}

export interface Running {
  readonly port: number;
  readonly pipeline: Pipeline;
  readonly server: Server;
  readonly raft: FakeRaft;
  readonly cluster: Cluster;
  readonly context: ServerContext;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  send(method: string, url: string, body?: string, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly handlers?: Partial<Handlers>;
  readonly callLeader?: CallLeader;
  readonly forwardToRegion?: PipelineOptions["forwardToRegion"];
  readonly access?: AccessControl;
  readonly leaderWaitMs?: number;
  readonly bodyBytesMax?: number;
  readonly clock?: Clock;
  readonly cluster?: Cluster;
  readonly region?: string;
}

export function makeContext(
  cluster: Cluster,
  raft: Raft,
  clock: Clock = systemClock,
  region = "global",
): ServerContext {
  const silent = (): void => undefined;
  return {
    config: { region } as ServerContext["config"],
    state: cluster.state,
    raft,
    clock,
    random: seededRandom(7),
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    metrics: {} as ServerContext["metrics"],
    members: {} as ServerContext["members"],
    propose: (name, payload) => Promise.resolve(cluster.apply(name, payload) as never),
  };
}

const refuse = (): Promise<never> => Promise.reject(new Error("this test has no other servers"));

export function makePipeline(cluster: Cluster, raft: FakeRaft, options: RunOptions = {}): Pipeline {
  const {
    handlers,
    callLeader = refuse,
    forwardToRegion = refuse,
    clock,
    region,
    access,
    leaderWaitMs = 5000,
  } = options;
  return new Pipeline({
    context: makeContext(cluster, raft, clock, region),
    handlers: makeHandlers(handlers),
    callLeader,
    forwardToRegion,
    leaderWaitMs,
    ...(access === undefined ? {} : { access }),
  });
}

/** A server with its pipeline on a real socket. */
export async function run(options: RunOptions = {}): Promise<Running> {
  const cluster = options.cluster ?? new Cluster();
  const raft = new FakeRaft();
  const pipeline = makePipeline(cluster, raft, options);
  const { logger } = makeContext(cluster, raft);
  const { bodyBytesMax } = options;
  const server = createHttpServer({ pipeline, logger, ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }) });
  const { port } = await listen(server, "127.0.0.1", 0);
  const send: Running["send"] = (method, url, body, headers) => ask(port, method, url, body, headers);
  return {
    port,
    pipeline,
    server,
    raft,
    cluster,
    context: makeContext(cluster, raft),
    send,
    get: (url, headers) => send("GET", url, undefined, headers),
    stop: () => closeServer(server, 0),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
  readonly text: string;
  json(): unknown;
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  method: string,
  url: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, method, path: url, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        const { statusCode = 0, rawHeaders } = response;
        resolve({
          status: statusCode,
          headers: response.headers,
          rawHeaders,
          bytes,
          text,
          json: () => JSON.parse(text) as unknown,
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Waits for a condition, with a bound that only a broken program reaches. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const idsOf = (answer: Answer): string[] => (answer.json() as { ID: string }[]).map(({ ID }) => ID);
