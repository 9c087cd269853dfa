import type { Readable } from "node:stream";

import { assert, type Clock, errorMessage, must, type Random, SteppeError, type Timer } from "@steppe/shared";
import type { LogStore } from "@steppe/storage";
import {
  type ConfChange,
  ConfChangeType,
  decodeConfChange,
  type Entry,
  isRaftError,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Message,
  MessageType,
  ProgressState,
  RaftError,
  RaftState,
  RawNode,
  type Ready,
  type Status,
} from "raft-ts";

import type { Logger, Raft, RaftPeer } from "../context.js";
import type { RpcTransport } from "../rpc/transport.js";
import type { RpcHandlers } from "../rpc/types.js";
import { AppendWorker } from "./append-worker.js";
import { ApplyWorker } from "./apply-worker.js";
import { Compaction, type CompactionLimits, DEFAULT_COMPACTION } from "./compaction.js";
import { raftErrors } from "./errors.js";
import { encodeServer, Members, type ServerAddress } from "./members.js";
import { type ProposalResult, Proposals } from "./proposals.js";
import { raftIdOf } from "./raft-id.js";
import { ReadRequests } from "./read-requests.js";
import { recoverRestore, Snapshots } from "./snapshots.js";
import type { RaftStateMachine } from "./state-machine.js";
import { Succession } from "./succession.js";
import { Ticker } from "./ticker.js";

export interface RaftTiming {
  readonly tickMs: number;
  /** Ticks between heartbeats. */
  readonly heartbeatTicks: number;
  /** A follower campaigns after this many ticks without a leader, up to twice as many. The leader's lease lasts a little less. */
  readonly electionTicks: number;
}

export const DEFAULT_TIMING: RaftTiming = { tickMs: 50, heartbeatTicks: 1, electionTicks: 10 };

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

/** How often what was applied is handed to the state machine's disk. Only a restart's replay depends on it. */
const FLUSH_MS = 100;
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_INFLIGHT_BYTES = 16 * 1024 * 1024;
const MAX_UNCOMMITTED_BYTES = 64 * 1024 * 1024;
const MAX_APPLYING_BYTES = 8 * 1024 * 1024;

type LeadershipListener = (leading: boolean, term: number) => void;

/**
 * Drives one Raft node: what raft-ts decides becomes writes, messages and applied entries, in the order that its Ready
 * demands (asyncStorageWrites). Everything runs on the event loop's one thread; `#process` is where it comes together.
 *
 * - Proposals of one turn of the event loop go to Raft together, and to each follower in one message. While a write runs,
 *   the next ones gather: one synced batch for all of them.
 * - The leader sends entries while it writes them itself (Raft thesis §10.2.1); a follower answers when they are on its disk.
 * - A proposal is matched by index and term. When leadership is lost the outcome of those in the log is unknown, and is
 *   said to be; nothing is ever proposed twice.
 */
export class RaftDriver implements Raft {
  readonly #options: RaftDriverOptions;
  readonly #timing: RaftTiming;
  readonly #self: number;
  readonly #members: Members;
  readonly #proposals = new Proposals();
  readonly #reads: ReadRequests;
  readonly #appendWorker: AppendWorker;
  readonly #applyWorker: ApplyWorker;
  readonly #snapshots: Snapshots;
  readonly #compaction: Compaction;
  readonly #ticker: Ticker;
  readonly #succession: Succession;
  readonly #leadershipListeners = new Set<LeadershipListener>();
  #node: RawNode | undefined;
  #state: RaftState = RaftState.follower;
  #lead = 0;
  #term = 0;
  /** The term in which the listeners were told that this server leads, or 0. */
  #announcedTerm = 0;
  #lastContactMs: number;
  #scheduled = false;
  #processing = false;
  #stopped = false;
  #flushTimer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #confChanges: Promise<unknown> = Promise.resolve();

  constructor(options: RaftDriverOptions) {
    const { log, stateMachine, syncState, clock, transport, logger } = options;
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_TIMING;
    this.#self = raftIdOf(options.id);
    this.#lastContactMs = clock.monotonicMs();
    this.#members = new Members(log.configuration);
    this.#reads = new ReadRequests(`${this.#self}.${options.random.uuid().slice(0, 8)}`);
    const deliver = (responses: readonly Message[]): void => this.#deliver(responses);
    const fail = (error: unknown): void => this.#fail(error);
    this.#snapshots = new Snapshots({
      log,
      stateMachine,
      members: this.#members,
      transport,
      logger,
      directory: options.snapshotDirectory,
      report: (peer, ok) => this.#withNode((node) => node.reportSnapshot(peer, ok)),
      step: (message) => {
        this.#onMessage(message);
        // Now, so that it is known whether Raft takes the snapshot.
        this.#process();
      },
    });
    this.#appendWorker = new AppendWorker({
      log,
      deliver,
      fail,
      install: async (message, hardState) => {
        await this.#applyWorker.idle();
        await this.#snapshots.install(message, hardState);
        this.#connectPeers();
        this.#reads.advance(stateMachine.appliedIndex);
      },
    });
    this.#applyWorker = new ApplyWorker({
      stateMachine,
      clock,
      deliver,
      fail,
      onApplied: (entry, result) => this.#onApplied(entry, result),
      onAdvance: () => this.#reads.advance(stateMachine.appliedIndex),
      changeConfiguration: (entry) => this.#changeConfiguration(entry),
    });
    this.#compaction = new Compaction({
      log,
      stateMachine,
      syncState,
      limits: options.compaction ?? DEFAULT_COMPACTION,
      neededFrom: () => this.#neededFrom(),
    });
    this.#ticker = new Ticker({
      clock,
      tickMs: this.#timing.tickMs,
      // A leader must count time, or it would trust its lease for too long; an election timeout ends any lease.
      limit: () => (this.#state === RaftState.leader ? this.#timing.electionTicks : 2),
      onTick: () => this.#tick(),
    });
    this.#succession = new Succession({
      self: this.#self,
      promiseTicks: this.#timing.electionTicks,
      campaign: () => this.#withNode((node) => node.campaign()),
    });
  }

  /**
   * Listens and takes part in the cluster. With `bootstrap` a server without a past starts a new cluster of these servers, which must be
   * given the same list; without it waits to be added. Throws if the disk's log and state do not fit together.
   */
  async start(bootstrap?: readonly ServerAddress[]): Promise<void> {
    const { log, stateMachine, transport } = this.#options;
    await this.#snapshots.start();
    await recoverRestore(log, stateMachine.appliedIndex);
    this.#members.replace(log.configuration);
    await this.#reconcile();
    const node = this.#makeNode();
    await transport.start({
      onMessage: (message) => this.#onMessage(message),
      onSnapshot: (from, header, chunks) => this.#onSnapshot(from, header, chunks),
      onRequest: this.#options.onRequest,
      onUnreachable: (peer) => this.#withNode((raft) => raft.reportUnreachable(peer)),
      onRefused: (peer) => this.#onRefused(peer),
    });
    this.#node = node;
    this.#term = log.initialState().hardState.term;
    if (bootstrap !== undefined && !this.hasState()) {
      const peers = bootstrap.map((server) => ({ id: raftIdOf(server.id), context: encodeServer(server) }));
      this.#members.seed(bootstrap);
      node.bootstrap(peers.sort((a, b) => a.id - b.id));
    }
    this.#connectPeers();
    this.#ticker.start();
    this.#flushTimer = this.#options.clock.every(FLUSH_MS, () => this.#flush());
    this.#schedule();
  }

  /**
   * Leaves the network, finishes writing, and flushes the state. Waiting proposals are rejected with `unknownOutcome`. With `abrupt` nothing is
   * finished, as in a crash.
   */
  async stop(options: { abrupt?: boolean } = {}): Promise<void> {
    if (this.#stopped && this.#node === undefined) return;
    this.#halt();
    await this.#options.transport.close();
    await this.#appendWorker.idle();
    await this.#applyWorker.idle();
    await this.#flushing;
    this.#node = undefined;
    if (options.abrupt === true) return;
    await this.#options.stateMachine.flush();
    await this.#options.log.append({ hardState: this.#appendWorker.hardState });
  }

  /** Whether this server has a past: it was bootstrapped, or has heard from a leader. */
  hasState(): boolean {
    const { log } = this.#options;
    return log.lastIndex() > 0 || log.initialState().hardState.term > 0;
  }

  propose(data: Uint8Array): Promise<ProposalResult> {
    if (this.#stopped) return Promise.reject(raftErrors.stopped());
    if (this.#state !== RaftState.leader) return Promise.reject(raftErrors.noLeader());
    const result = this.#proposals.enqueue(data);
    this.#schedule();
    return result;
  }

  readIndex(): Promise<void> {
    if (this.#stopped) return Promise.reject(raftErrors.stopped());
    const result = this.#reads.wait(this.#options.clock.monotonicMs());
    this.#schedule();
    return result;
  }

  waitApplied(index: number): Promise<void> {
    if (this.#stopped) return Promise.reject(raftErrors.stopped());
    if (index <= this.#options.stateMachine.appliedIndex) return Promise.resolve();
    return this.#reads.waitApplied(index, this.#options.clock.monotonicMs());
  }

  hasLease(): boolean {
    return this.#state === RaftState.leader && this.#node?.hasLease(this.#ticker.missed) === true;
  }

  isLeader(): boolean {
    return this.#state === RaftState.leader;
  }

  leaderId(): number {
    return this.#lead;
  }

  leader(): RaftPeer | undefined {
    return this.#lead === 0 ? undefined : this.#members.get(this.#lead);
  }

  term(): number {
    return this.#term;
  }

  lastContactMs(): number {
    return this.isLeader() ? 0 : this.#options.clock.monotonicMs() - this.#lastContactMs;
  }

  /**
   * Calls the listener with true once this server leads and has applied everything that earlier leaders committed, and with false
   * when it no longer leads. Returns a function that ends that.
   */
  onLeadership(listener: LeadershipListener): () => void {
    this.#leadershipListeners.add(listener);
    return () => this.#leadershipListeners.delete(listener);
  }

  configuration(): RaftPeer[] {
    return this.#members.raftIds().map((id) => must(this.#members.get(id), `member ${id} is gone`));
  }

  /** Raft's own view, for people and metrics. */
  status(): Status | undefined {
    return this.#node?.status();
  }

  /** Where a server of this region is now, as the members' exchange has it. It need not be in the configuration yet. */
  updatePeerAddress(id: string, name: string, address: string): void {
    if (raftIdOf(id) === this.#self || !this.#members.move(id, name, address)) return;
    if (this.#node !== undefined) this.#connectPeers();
  }

  /** Adds a voter, or makes a learner one. Resolves when the change is applied here. For the leader. */
  addVoter(server: ServerAddress): Promise<void> {
    return this.#propose(ConfChangeType.addNode, server.id, encodeServer(server));
  }

  /** Adds a server that gets the log and has no vote. */
  addLearner(server: ServerAddress): Promise<void> {
    return this.#propose(ConfChangeType.addLearnerNode, server.id, encodeServer(server));
  }

  /** Removes a server by its UUID. */
  removePeer(id: string): Promise<void> {
    if (this.#members.get(raftIdOf(id)) === undefined) return Promise.reject(raftErrors.unknownServer({ id }));
    return this.#propose(ConfChangeType.removeNode, id);
  }

  /** Hands leadership to a voter, by default the one whose log is longest; resolves when this server leads no more. */
  async transferLeadership(id?: string): Promise<void> {
    const target = id === undefined ? this.#bestSuccessor() : raftIdOf(id);
    if (!this.isLeader()) throw raftErrors.noLeader();
    if (target === undefined || target === this.#self || this.#members.get(target)?.voter !== true) {
      throw raftErrors.noTransferTarget();
    }
    this.#withNode((node) => node.transferLeader(target));
    const { clock } = this.#options;
    const timeoutMs = this.#timing.tickMs * this.#timing.electionTicks * 2;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    while (this.isLeader() && !this.#stopped) {
      if (clock.monotonicMs() > deadlineMs) throw raftErrors.transferFailed({ timeoutMs });
      await new Promise<void>((resolve) => clock.after(10, resolve));
    }
  }

  // Starting

  /** The log and the state must overlap; and what the state holds was committed, whatever the log's hard state remembers. */
  async #reconcile(): Promise<void> {
    const { log, stateMachine } = this.#options;
    const durable = stateMachine.appliedIndex;
    if (durable > log.lastIndex()) throw raftErrors.stateAhead({ durable, last: log.lastIndex() });
    if (durable < log.firstIndex() - 1) throw raftErrors.stateBehind({ durable, first: log.firstIndex() - 1 });
    const { hardState } = log.initialState();
    if (durable > hardState.commit) await log.append({ hardState: { ...hardState, commit: durable } });
  }

  #makeNode(): RawNode {
    const { log, stateMachine, random, logger } = this.#options;
    return new RawNode({
      id: this.#self,
      storage: log,
      applied: stateMachine.appliedIndex,
      random: () => random.next(),
      electionTick: this.#timing.electionTicks,
      heartbeatTick: this.#timing.heartbeatTicks,
      asyncStorageWrites: true,
      preVote: true,
      checkQuorum: true,
      leaderLease: true,
      disableProposalForwarding: true,
      stepDownOnRemoval: true,
      maxSizePerMsg: MAX_MESSAGE_BYTES,
      maxInflightBytes: MAX_INFLIGHT_BYTES,
      maxUncommittedEntriesSize: MAX_UNCOMMITTED_BYTES,
      maxCommittedSizePerReady: MAX_APPLYING_BYTES,
      logger: {
        info: (message) => logger.debug(`raft: ${message}`),
        warn: (message) => logger.debug(`raft: ${message}`),
        error: (message) => logger.error(`raft: ${message}`),
      },
    });
  }

  #connectPeers(): void {
    const { transport } = this.#options;
    const addresses = this.#members.addresses();
    addresses.delete(this.#self);
    for (const peer of transport.peers()) if (!addresses.has(peer)) transport.removePeer(peer);
    for (const [peer, address] of addresses) transport.setPeer(peer, address);
  }

  // The loop

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#process();
    });
  }

  /** Calls the node from outside of the loop. What it refuses is no error: messages get lost, too. */
  #withNode(fn: (node: RawNode) => void): void {
    if (this.#node === undefined || this.#stopped) return;
    try {
      fn(this.#node);
    } catch (error) {
      if (!(error instanceof RaftError)) return this.#fail(error);
      this.#options.logger.debug(`raft: ${error.message}`);
    }
    this.#schedule();
  }

  /** Gives the node what waits, and does what it says, until there is nothing left. */
  #process(): void {
    const node = this.#node;
    if (node === undefined || this.#processing || this.#stopped) return;
    this.#processing = true;
    try {
      this.#submitProposals(node);
      this.#askReads(node);
      while (!this.#stopped && node.hasReady()) this.#handle(node.ready());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#processing = false;
    }
    this.#options.transport.flush();
  }

  #handle(ready: Ready): void {
    if (ready.hardState !== undefined) this.#term = ready.hardState.term;
    if (ready.softState !== undefined) this.#onSoftState(ready.softState.lead, ready.softState.raftState);
    for (const message of ready.messages) {
      if (message.to === LOCAL_APPLY_THREAD) this.#applyWorker.push(message);
      else if (message.to === LOCAL_APPEND_THREAD) {
        if (message.snapshot !== undefined) this.#snapshots.accept(message);
        this.#appendWorker.push(message);
      } else this.#send(message);
    }
    for (const { context, index } of ready.readStates) {
      this.#reads.confirmed(context, index, this.#options.stateMachine.appliedIndex);
    }
  }

  #send(message: Message): void {
    if (message.type === MessageType.msgSnap) this.#snapshots.send(message);
    else this.#options.transport.send(message);
  }

  /** The answers to a write or to applied entries: Raft's own go back to it. */
  #deliver(responses: readonly Message[]): void {
    if (this.#stopped) return;
    const node = must(this.#node, "the driver has not been started");
    for (const message of responses) {
      if (message.to === this.#self) {
        try {
          node.step(message);
        } catch (error) {
          if (!(error instanceof RaftError)) throw error;
        }
      } else this.#send(message);
    }
    // At once: a write has just ended, and whoever waits for it waits for this.
    this.#process();
  }

  #submitProposals(node: RawNode): void {
    const queue = this.#proposals.takeQueue();
    if (queue.length === 0) return;
    try {
      const first = node.proposeBatch(queue.map(({ data }) => data));
      // Not the leader any more: nothing was appended.
      if (first === undefined) for (const { reject } of queue) reject(raftErrors.noLeader());
      else queue.forEach((proposal, i) => this.#proposals.track(first.index + i, first.term, proposal));
    } catch (error) {
      const overloaded = this.#state === RaftState.leader && isRaftError(error, "proposalDropped");
      for (const { reject } of queue)
        reject(overloaded ? raftErrors.overloaded({}, error) : raftErrors.noLeader({}, error));
      if (!(error instanceof RaftError)) throw error;
    }
  }

  #askReads(node: RawNode): void {
    const context = this.#reads.next(this.#options.clock.monotonicMs());
    if (context !== undefined) node.readIndex(context);
  }

  #tick(): void {
    const node = this.#node;
    if (node === undefined || this.#stopped) return;
    try {
      node.tick();
    } catch (error) {
      return this.#fail(error);
    }
    this.#succession.tick(this.#lead);
    this.#reads.expire(this.#options.clock.monotonicMs());
    this.#schedule();
  }

  // What comes from the network

  #onMessage(message: Message): void {
    const { type, from, term } = message;
    const byLeader = type === MessageType.msgApp || type === MessageType.msgHeartbeat || type === MessageType.msgSnap;
    if (byLeader && term >= this.#term) this.#lastContactMs = this.#options.clock.monotonicMs();
    if (from === this.#self) return;
    this.#withNode((node) => node.step(message));
  }

  async #onSnapshot(from: number, header: unknown, chunks: Readable): Promise<void> {
    await this.#snapshots.receive(this.#self, from, header, chunks);
  }

  #onRefused(peer: number): void {
    if (peer !== this.#lead || this.isLeader()) return;
    const silentTicks = Math.floor(this.lastContactMs() / this.#timing.tickMs);
    this.#options.logger.info(`raft: the leader's process is gone (server ${peer})`);
    this.#succession.begin(peer, this.#members.configuration.confState.voters, silentTicks);
  }

  // What Raft says

  #onSoftState(lead: number, state: RaftState): void {
    const wasLeader = this.#state === RaftState.leader;
    const leadBefore = this.#lead;
    this.#state = state;
    this.#lead = lead;
    if (lead !== leadBefore) {
      const name = this.#members.get(lead)?.name ?? lead;
      this.#options.logger.info(lead === 0 ? "raft: no leader" : `raft: server ${name} leads in term ${this.#term}`);
    }
    if (wasLeader && state !== RaftState.leader) {
      this.#proposals.abandon();
      this.#proposals.rejectQueue(raftErrors.noLeader());
      this.#announce(false);
    }
  }

  #onApplied(entry: Entry, result: unknown): void {
    this.#proposals.settle(entry.index, entry.term, result);
    // The first entry of its own term: what earlier leaders committed is all applied.
    if (this.#state === RaftState.leader && entry.term === this.#term && this.#announcedTerm !== entry.term) {
      this.#announce(true);
    }
  }

  #announce(leading: boolean): void {
    if (leading) this.#announcedTerm = this.#term;
    else if (this.#announcedTerm === 0) return;
    else this.#announcedTerm = 0;
    for (const listener of this.#leadershipListeners) listener(leading, this.#term);
  }

  async #changeConfiguration(entry: Entry): Promise<unknown> {
    const { log } = this.#options;
    // Stored already, before a crash took back the state machine.
    if (entry.index <= this.#members.configuration.index) return undefined;
    const change = decodeConfChange(entry.type, entry.data);
    assert(change.version === 1, `entry ${entry.index} is a kind of configuration change that is never proposed`);
    const confState = must(this.#node, "the driver has not been started").applyConfChange(change);
    const configuration = this.#members.change(entry.index, confState, change.nodeId, change.context);
    // Before the state machine counts the entry: it would not be handed out again.
    await log.append({ configuration });
    if (!this.#stopped) this.#connectPeers();
    this.#options.logger.info(
      `raft: the servers are now ${this.configuration()
        .map(({ name }) => name)
        .join(", ")}`,
    );
    return true;
  }

  /** Proposes a change of the configuration when those before are done: Raft takes one at a time. */
  #propose(
    type: ConfChange extends infer C ? (C extends { type: infer T } ? T : never) : never,
    id: string,
    context?: Uint8Array,
  ): Promise<void> {
    const result = this.#confChanges.then(async () => {
      const node = this.#node;
      if (node === undefined || this.#stopped || !this.isLeader()) throw raftErrors.noLeader();
      const change: ConfChange = {
        version: 1,
        type,
        nodeId: raftIdOf(id),
        ...(context === undefined ? {} : { context }),
      };
      const entry = node.proposeConfChange(change);
      if (entry === undefined) throw raftErrors.noLeader();
      const applied = new Promise<ProposalResult>((resolve, reject) =>
        this.#proposals.track(entry.index, entry.term, { resolve, reject }),
      );
      this.#schedule();
      // In the place of a change that it refuses Raft puts an empty entry, which has no result.
      if ((await applied).result !== true) throw raftErrors.confChangeRefused();
    });
    this.#confChanges = result.catch(() => {
      // The caller has the error; here only the order counts.
    });
    return result.catch((error: unknown) => {
      throw error instanceof RaftError ? raftErrors.noLeader({}, error) : error;
    });
  }

  #bestSuccessor(): number | undefined {
    let best: { id: number; match: number } | undefined;
    for (const [id, { match, recentActive, isLearner }] of this.#node?.status().progress ?? []) {
      if (id === this.#self || !recentActive || isLearner) continue;
      if (best === undefined || match > best.match) best = { id, match };
    }
    return best?.id;
  }

  // The disk

  /** Every follower that is being sent entries would need a snapshot if they were cut off now. */
  #neededFrom(): number {
    let needed = this.#snapshots.oldestSending + 1;
    for (const [id, progress] of this.#node?.status().progress ?? []) {
      if (id === this.#self || !progress.recentActive || progress.state === ProgressState.snapshot) continue;
      needed = Math.min(needed, progress.match + 1);
    }
    return needed;
  }

  #flush(): void {
    const { stateMachine } = this.#options;
    if (this.#flushing !== undefined || this.#stopped) return;
    const flushing = stateMachine.appliedIndex > stateMachine.durableIndex ? stateMachine.flush() : Promise.resolve();
    this.#flushing = flushing
      .then(() => this.#compaction.run())
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#flushing = undefined));
  }

  // The end

  /** Stops acting as a Raft node, and rejects everything that waits. */
  #halt(): void {
    const wasLeader = this.isLeader();
    this.#stopped = true;
    this.#ticker.stop();
    this.#flushTimer?.clear();
    this.#applyWorker.stop();
    this.#state = RaftState.follower;
    this.#lead = 0;
    this.#proposals.abandon();
    this.#proposals.rejectQueue(raftErrors.stopped());
    this.#reads.rejectAll(raftErrors.stopped());
    if (wasLeader) this.#announce(false);
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    const { logger, transport, onFatal } = this.#options;
    const text = error instanceof SteppeError ? error.message : `${errorMessage(error)} (a bug in Steppe)`;
    logger.error(`raft: this server stops: ${text}`);
    this.#halt();
    void transport.close();
    onFatal(error);
  }
}
