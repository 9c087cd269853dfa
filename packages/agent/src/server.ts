import type { Server as HttpServer } from "node:http";

import type { Client } from "@steppe/client";
import {
  type ApiRequest,
  closeServer,
  type ClusterOperations,
  createHttpServer,
  DEFAULT_TIMING,
  fromWireRequest,
  handlers,
  LeaderLoops,
  listen,
  Membership,
  MetricsRegistry,
  Pipeline,
  RaftDriver,
  recoverFromPeersFile,
  RegionForwarder,
  RpcTransport,
  raftIdOf,
  type ServerContext,
  toWireRequest,
  warmHandlers,
} from "@steppe/server";
import { errorMessage, must } from "@steppe/shared";
import { encodeCommand, StateStore } from "@steppe/state";
import { openLogStore, openRowStore } from "@steppe/storage";

import type { AgentParts } from "./parts.js";
import { Bootstrap } from "./bootstrap.js";
import type { ServerConfiguration } from "./configuration/index.js";
import { makeOperations, makeReconciler } from "./operations.js";
import { clientHealth, clientStatistics } from "./client-report.js";
import { describeConfiguration } from "./description.js";
import { version } from "./version.js";

/** A server that has been started. */
export interface RunningServer {
  readonly context: ServerContext;
  stop(leave: boolean): Promise<void>;
}

/**
 * Starts a server: what it has on disk first, then the API (which answers `No cluster leader` until there is one), then the
 * exchange of members, and Raft as soon as it is known whether there is a cluster to join.
 */
export async function startServer(parts: AgentParts, client: () => Client | undefined): Promise<RunningServer> {
  const { configuration, logger } = parts;
  warmHandlers();
  const disk = await openDisk(parts);
  const stops: ((leave: boolean) => Promise<void> | void)[] = [() => disk.close()];
  const stop = async (leave: boolean) => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart(leave);
  };
  try {
    const assembled = assemble(parts, disk, client);
    const { context, raft, membership, metrics, loops, forwarder, operations, reconciler, http } = assembled;
    stops.push(() => metrics.stop());
    await listen(http, configuration.bind.http.host, configuration.bind.http.port);
    stops.push(async () => {
      forwarder.close();
      operations.close();
      await closeServer(http);
    });
    raft.onLeadership((leading) => (leading ? loops.start() : loops.stop()));
    stops.push(() => stopRaft(raft, loops, logger));
    await membership.start();
    stops.push((leave) => membership.stop(leave));
    const { region } = configuration;
    const expect = must(configuration.server, "the caller has looked").bootstrapExpect;
    const bootstrap = new Bootstrap({ raft, membership, region, expect, logger });
    stops.push(() => {
      bootstrap.stop();
      reconciler.stop();
    });
    await bootstrap.start();
    reconciler.start();
    return { context, stop };
  } catch (error) {
    await stop(false);
    throw error;
  }
}

async function stopRaft(raft: RaftDriver, loops: LeaderLoops, logger: AgentParts["logger"]): Promise<void> {
  loops.stop();
  // Another server takes over at once, rather than after it has missed this one. It is no harm if none can.
  if (raft.isLeader() && raft.configuration().filter((peer) => peer.voter).length > 1)
    await raft.transferLeadership().catch((error: unknown) => logger.debug(`raft: ${errorMessage(error)}`));
  await raft.stop();
}

/** Makes the parts and connects them; nothing listens or runs yet. */
function assemble(parts: AgentParts, disk: Disk, client: () => Client | undefined) {
  const { configuration, logger, clock, random, directory, onFatal } = parts;
  const settings = must(configuration.server, "the caller has looked");
  const metrics = new MetricsRegistry(clock);
  const membership = makeMembership(parts, settings, disk.log.lastIndex() > 0);
  // The HTTP server needs the pipeline, the pipeline Raft, Raft its transport, and that the HTTP server: the knot is tied here.
  const late: { http?: HttpServer; pipeline?: Pipeline } = {};
  const transport = new RpcTransport({
    identity: { region: configuration.region, id: raftIdOf(directory.nodeId) },
    ...configuration.bind.rpc,
    clock,
    random,
    logger,
    get httpServer() {
      return late.http;
    },
  });
  const raft = new RaftDriver({
    id: directory.nodeId,
    log: disk.log,
    stateMachine: disk.state,
    syncState: () => disk.rows.sync(),
    transport,
    onRequest: (request, call) =>
      must(late.pipeline, "requests come after the start").handle(fromWireRequest(request, call)),
    clock,
    random,
    logger,
    snapshotDirectory: directory.subdirectory("snapshots"),
    onFatal: (error) => onFatal(error instanceof Error ? error : new Error(String(error))),
    timing: { ...DEFAULT_TIMING, tickMs: DEFAULT_TIMING.tickMs * settings.raftMultiplier },
  });
  const reconciler = makeReconciler(parts, raft, membership, () => context);
  const operations = makeOperations({ parts, raft, membership, reconciler });
  const { context, loops } = makeContext({
    ...{ parts, settings, state: disk.state, raft, membership, metrics, operations, client },
  });
  const forwarder = new RegionForwarder({
    region: configuration.region,
    regionServers: (region) => aliveServers(membership, region),
    random,
  });
  const pipeline = new Pipeline({
    context,
    handlers,
    callLeader: (request) => transport.call(raft.leaderId(), toWireRequest(request), request.signal),
    forwardToRegion: (request: ApiRequest, region) => forwarder.forward(request, region),
    leaderWaitMs: settings.leaderWaitMs,
  });
  const http = createHttpServer({ pipeline, logger });
  late.pipeline = pipeline;
  late.http = http;
  return { context, raft, membership, metrics, loops, forwarder, operations, reconciler, http };
}

interface Disk {
  readonly log: Awaited<ReturnType<typeof openLogStore>>;
  readonly rows: Awaited<ReturnType<typeof openRowStore>>;
  readonly state: StateStore;
  close(): Promise<void>;
}

/** The log and the rows, with the state that was stored; after a recovery if there is a peers file. */
async function openDisk({ directory, logger }: AgentParts): Promise<Disk> {
  const [log, rows] = await Promise.all([
    openLogStore(directory.subdirectory("raft")),
    openRowStore(directory.subdirectory("state")),
  ]);
  const state = new StateStore({ rowStore: rows, yieldNow: () => new Promise((resolve) => setImmediate(resolve)) });
  const close = async (): Promise<void> => {
    await log.close();
    await rows.close();
  };
  try {
    await state.load();
    await recoverFromPeersFile({
      ...{ directory: directory.subdirectory("raft"), id: directory.nodeId, log, stateMachine: state, logger },
      syncState: () => rows.sync(),
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { log, rows, state, close };
}

interface ContextParts {
  readonly parts: AgentParts;
  readonly settings: ServerConfiguration;
  readonly state: StateStore;
  readonly raft: RaftDriver;
  readonly membership: Membership;
  readonly metrics: MetricsRegistry;
  readonly operations: ClusterOperations;
  readonly client: () => Client | undefined;
}

function makeContext(options: ContextParts): { context: ServerContext; loops: LeaderLoops } {
  const { parts, settings, state, raft, membership, metrics, operations } = options;
  const { configuration, logger, clock, random, directory } = parts;
  const client = options.client;
  const context: ServerContext = {
    config: {
      name: configuration.name,
      id: directory.nodeId,
      region: configuration.region,
      datacenter: configuration.datacenter,
      version: version(),
      httpAddress: configuration.advertise.http,
      rpcAddress: configuration.advertise.rpc,
      minHeartbeatTTLMs: settings.minHeartbeatTtlMs,
      maxHeartbeatsPerSecond: settings.maxHeartbeatsPerSecond,
      heartbeatGraceMs: settings.heartbeatGraceMs,
      agent: describeConfiguration(configuration),
    },
    state,
    raft,
    clock,
    random,
    logger,
    metrics,
    members: membership,
    duties: {
      heartbeat: (nodeID) => loops.heartbeats.beat(nodeID),
      collectGarbage: () => loops.garbageCollector.collect(true),
    },
    operations,
    ...(configuration.client === undefined ? {} : { client: clientPart(client) }),
    propose: async (name, payload) => {
      const { index, result } = await raft.propose(encodeCommand(name, payload));
      if (result instanceof Error) throw result;
      return { index, result: result as never };
    },
  };
  const loops = new LeaderLoops(context, {
    failoverHeartbeatTTLMs: settings.failoverHeartbeatTtlMs,
    garbage: {
      evaluationMs: settings.evalGcThresholdMs,
      jobMs: settings.jobGcThresholdMs,
      deploymentMs: settings.deploymentGcThresholdMs,
      nodeMs: settings.nodeGcThresholdMs,
    },
  });
  return { context, loops };
}

/** What the server tells of the client in the same process. */
function clientPart(client: () => Client | undefined): NonNullable<ServerContext["client"]> {
  return {
    health: () => clientHealth(client()),
    stats: () => clientStatistics(client()),
    servers: () => client()?.stats().knownServers ?? [],
  };
}

function makeMembership(
  { configuration, logger, clock, random, directory }: AgentParts,
  settings: ServerConfiguration,
  bootstrapped: boolean,
): Membership {
  return new Membership({
    self: {
      name: `${configuration.name}.${configuration.region}`,
      id: directory.nodeId,
      region: configuration.region,
      datacenter: configuration.datacenter,
      serfAddress: configuration.advertise.serf,
      rpcAddress: configuration.advertise.rpc,
      httpAddress: configuration.advertise.http,
      build: version(),
      expect: settings.bootstrapExpect,
      bootstrapped,
    },
    bindHost: configuration.bind.serf.host,
    bindPort: configuration.bind.serf.port,
    clock,
    random,
    logger,
    retryJoin: settings.retryJoin,
    retryIntervalMs: settings.retryIntervalMs,
  });
}

function aliveServers(membership: Membership, region: string): { address: string }[] {
  const members = membership.members().filter((member) => member.region === region && member.status !== "left");
  const alive = members.filter((member) => member.status === "alive");
  // Where nobody is known to be alive, those who are not may still be tried: the region exists.
  return (alive.length > 0 ? alive : members).map((member) => ({ address: member.httpAddress }));
}
