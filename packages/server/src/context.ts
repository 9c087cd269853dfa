import type { Clock, Random } from "@steppe/shared";
import type { CommandName, PayloadOf, ResultOf, StateStore } from "@steppe/state";

import type { ApiRequest, ApiResponse } from "./http/api-message.js";
import type { Member } from "./membership/member.js";

/** The lines of a log; winston's loggers fit. Nothing secret may reach it. */
export interface Logger {
  debug(text: string, fields?: Record<string, unknown>): void;
  info(text: string, fields?: Record<string, unknown>): void;
  warn(text: string, fields?: Record<string, unknown>): void;
  error(text: string, fields?: Record<string, unknown>): void;
}

/** What the server counts and measures; names are dotted as Nomad's are (`nomad.rpc.query`). */
export interface Metrics {
  increment(name: string, count?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  /** A duration or size; durations in milliseconds. */
  sample(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  /** The answer of `/v1/metrics`: Gauges, Points, Counters, Samples, Timestamp. */
  summary(): unknown;
  /** The same in Prometheus' text format. */
  prometheus(): Promise<string>;
}

export interface RaftPeer {
  /** The server's UUID. */
  readonly id: string;
  readonly name: string;
  /** `host:port` of the servers' RPC. */
  readonly address: string;
  readonly voter: boolean;
}

/** What the pipeline, the handlers and the leader loops use of Raft; `RaftDriver` is the real one. */
export interface Raft {
  /**
   * Resolves when this server has applied the entry. Rejects with code `noLeader` when the entry was never appended, with
   * `unknownOutcome` when it may or may not be committed.
   */
  propose(data: Uint8Array): Promise<{ index: number; result: unknown }>;
  /** Resolves when this server has applied whatever was committed in the cluster when it was called. */
  readIndex(): Promise<void>;
  waitApplied(index: number): Promise<void>;
  /** A quorum confirmed this leader so recently that no other can exist, and it has applied an entry of its own term. */
  hasLease(): boolean;
  isLeader(): boolean;
  /** Raft's number of the leader, 0 for none. */
  leaderId(): number;
  leader(): RaftPeer | undefined;
  term(): number;
  /** Milliseconds since the leader was last heard; 0 on the leader. */
  lastContactMs(): number;
  onLeadership(listener: (leading: boolean, term: number) => void): void;
  configuration(): readonly RaftPeer[];
}

/** What a server is called and where it is reached. */
export interface ServerConfig {
  readonly name: string;
  /** The server's UUID. */
  readonly id: string;
  readonly region: string;
  readonly datacenter: string;
  readonly version: string;
  /** `host:port` as others reach it. */
  readonly httpAddress: string;
  readonly rpcAddress: string;
  readonly minHeartbeatTTLMs: number;
  readonly maxHeartbeatsPerSecond: number;
  readonly heartbeatGraceMs: number;
  /** The agent's whole configuration with secrets blanked, as `/v1/agent/self` shows it. */
  readonly agent: Readonly<Record<string, unknown>>;
}

/** The servers that this one knows, of all regions. */
export interface Members {
  members(): readonly Member[];
  self(): Member;
}

/** What handlers ask of the leader's loops. Called on the leader only: writes run there. */
export interface LeaderDuties {
  /** The node has been heard: its deadline starts anew. Returns how long it may be silent, in milliseconds. */
  heartbeat(nodeID: string): number;
  /** Forgets what is over, whatever its age; resolves when that is committed. */
  collectGarbage(): Promise<void>;
}

/** A server of Raft's configuration as the leader sees it. */
export interface ServerHealth {
  readonly id: string;
  readonly name: string;
  /** `host:port` of its RPC. */
  readonly address: string;
  readonly memberStatus: Member["status"] | "none";
  readonly version: string;
  readonly leader: boolean;
  readonly voter: boolean;
  readonly healthy: boolean;
  /** Milliseconds since it was heard; undefined where it never was. */
  readonly lastContactMs: number | undefined;
  readonly lastTerm: number;
  readonly lastIndex: number;
  /** Since when `healthy` is what it is: by the wall clock, and for how long. */
  readonly stableSinceMs: number;
  readonly stableMs: number;
}

/** What operators may do to the cluster itself. */
export interface ClusterOperations {
  /** Removes a server by its UUID; on the leader. Rejects with `unknownServer`, `lastVoter`. */
  removePeer(id: string): Promise<void>;
  /** Resolves when this server leads no more. Rejects with `noTransferTarget`, `transferFailed`. */
  transferLeadership(id: string): Promise<void>;
  /** On the leader. */
  serverHealth(): readonly ServerHealth[];
  /** Hands a request over with its body as it comes, which a frame between servers cannot; rejects with `noLeader`. */
  forwardToLeader(request: ApiRequest): Promise<ApiResponse>;
  /** Where archives of the state are put together. */
  readonly archiveDirectory: string;
}

/** Everything that handlers and leader loops work with; made once, by the composition root. */
export interface ServerContext {
  readonly config: ServerConfig;
  readonly state: StateStore;
  readonly raft: Raft;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly members: Members;
  readonly duties: LeaderDuties;
  readonly operations: ClusterOperations;
  /** The client part of this agent, where it has one: its health and its statistics by section. */
  readonly client?: {
    health(): { readonly ok: boolean; readonly message: string };
    stats(): Readonly<Record<string, string>>;
    /** `host:port` of the servers that it talks to. */
    servers(): readonly string[];
  };
  /**
   * Puts a command into the log; resolves when it is applied here, with the log's index and what `apply` returned. An error
   * that `apply` returned is thrown.
   */
  propose<N extends CommandName>(name: N, payload: PayloadOf<N>): Promise<{ index: number; result: ResultOf<N> }>;
}
