import type { Config } from "./config.js";
import type { ConfChange, ConfChangeV2 } from "./conf-change.js";
import type { Status } from "./status.js";
import type { ConfState, EntryId, Message, Ready } from "./types.js";

/** A member of a new cluster, for bootstrap(). */
export interface Peer {
  readonly id: number;
  /** Opaque: goes into the context of the configuration change that adds it. */
  readonly context?: Uint8Array;
}

/**
 * One node. A driver calls its methods from one thread, and after each of them asks hasReady().
 */
export class RawNode {
  constructor(config: Config) {
    void config;
    throw new Error("not implemented yet");
  }
  /** Advances the clock by one tick. */
  declare tick: () => void;
  /** Starts an election now, if this node may win one. */
  declare campaign: () => void;
  /**
   * Proposes one normal entry. Throws RaftError `proposalDropped` where that is known to be in vain. On the leader it
   * returns where the entry stands in the log: it is committed when the committed entry at that index has that
   * term. On a follower, which forwards the proposal, it returns undefined.
   */
  declare propose: (data: Uint8Array) => EntryId | undefined;
  /** Proposes many normal entries at once; returns the id of the first, the others follow it. All or none is dropped. */
  declare proposeBatch: (data: readonly Uint8Array[]) => EntryId | undefined;
  /** Like propose(). A change that may not be made now is replaced by an empty normal entry at the same index. */
  declare proposeConfChange: (change: ConfChange) => EntryId | undefined;
  /** To be called for each committed configuration change. Returns the resulting configuration: store it. */
  declare applyConfChange: (change: ConfChange | ConfChangeV2) => ConfState;
  /** Handles a message from the network or from a local storage thread. Throws RaftError, which may be ignored. */
  declare step: (message: Message) => void;
  declare hasReady: () => boolean;
  /** Everything that waits to be done. To be finished by advance(), unless asyncStorageWrites is set. */
  declare ready: () => Ready;
  declare advance: () => void;
  /** Asks for a linearizable read. The context must be unique among all reads of the cluster; see Ready.readStates. */
  declare readIndex: (context: string) => void;
  /** Whether the leader may serve a linearizable read of its applied state now, see lease.ts. */
  declare hasLease: (missedTicks?: number) => boolean;
  declare transferLeader: (id: number) => void;
  declare forgetLeader: () => void;
  declare reportUnreachable: (id: number) => void;
  declare reportSnapshot: (id: number, ok: boolean) => void;
  declare status: () => Status;
  /** Starts a new cluster with these members, on a node with empty storage. */
  declare bootstrap: (peers: readonly Peer[]) => void;
}
