import type { Clock, Random } from "@steppe/shared";
import type { LogStore } from "@steppe/storage";

import type { Logger } from "../context.js";
import type { RpcTransport } from "../rpc/transport.js";
import type { RpcHandlers } from "../rpc/types.js";
import type { CompactionLimits } from "./compaction.js";
import type { RaftStateMachine } from "./state-machine.js";

export interface RaftTiming {
  readonly tickMs: number;
  /** Ticks between heartbeats. */
  readonly heartbeatTicks: number;
  /** A follower campaigns after this many ticks without a leader, up to twice as many. */
  readonly electionTicks: number;
  /** A follower votes for nobody for this many ticks after a heartbeat; the leader's lease lasts a little less. */
  readonly leaseTicks: number;
}

/**
 * Elections are slow to start, for a leader that is merely busy is not to be replaced: one to two seconds of silence. A leader whose
 * process is dead is replaced as soon as its lease has run out; see Succession.
 */
export const DEFAULT_TIMING: RaftTiming = { tickMs: 50, heartbeatTicks: 1, electionTicks: 20, leaseTicks: 6 };

export interface RaftDriverOptions {
  /** The server's UUID; see `raftIdOf`. */
  readonly id: string;
  /** Open; the caller closes it after `stop`. */
  readonly log: LogStore;
  /** Loaded; its `appliedIndex` is what its disk holds. */
  readonly stateMachine: RaftStateMachine;
  /** Brings what the state machine has flushed through to the disk: `RowStore.sync`. */
  readonly syncState: () => Promise<void>;
  /** Not started yet: `start` does, and `stop` closes it. */
  readonly transport: RpcTransport;
  readonly onRequest: RpcHandlers["onRequest"];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where snapshots are kept while they are received; emptied at the start. */
  readonly snapshotDirectory: string;
  /** The disk failed, or an invariant is broken. The driver has stopped; the process must end. */
  readonly onFatal: (error: unknown) => void;
  readonly timing?: RaftTiming;
  readonly compaction?: CompactionLimits;
}
