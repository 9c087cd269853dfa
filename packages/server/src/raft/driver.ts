import { assert, errorMessage, must, SteppeError } from "@steppe/shared";
import {
  decodeConfChange,
  type Entry,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Message,
  MessageType,
  RaftError,
  RaftState,
  type RawNode,
  type Ready,
  type Status,
} from "raft-ts";

import type { Raft, RaftPeer } from "../context.js";
import { AppendWorker } from "./append-worker.js";
import { ApplyWorker } from "./apply-worker.js";
import { Compaction, DEFAULT_COMPACTION, firstNeeded } from "./compaction.js";
import { raftErrors } from "./errors.js";
import { Leadership, type LeadershipListener } from "./leadership.js";
import { transferLeadership } from "./leadership-transfer.js";
import { encodeServer, Members, type ServerAddress } from "./members.js";
import { MembershipChanges } from "./membership-changes.js";
import { DEFAULT_TIMING, type RaftDriverOptions, type RaftTiming } from "./options.js";
import { type ProposalResult, Proposals } from "./proposals.js";
import { raftIdOf } from "./raft-id.js";
import { ReadRequests } from "./read-requests.js";
import { recoverRestore, Snapshots } from "./snapshots.js";
import { makeNode, reconcile } from "./startup.js";
import { StateFlusher } from "./state-flusher.js";
import { Succession } from "./succession.js";
import { Ticker } from "./ticker.js";

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
  readonly #flusher: StateFlusher;
  readonly #ticker: Ticker;
  readonly #succession: Succession;
  readonly #leadership: Leadership;
  readonly #changes: MembershipChanges;
  #node: RawNode | undefined;
  #scheduled = false;
  #processing = false;
  #stopped = false;
  #failed = false;

  constructor(options: RaftDriverOptions) {
    const { log, clock } = options;
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_TIMING;
    this.#self = raftIdOf(options.id);
    this.#leadership = new Leadership(clock);
    this.#members = new Members(log.configuration);
    this.#reads = new ReadRequests(`${this.#self}.${options.random.uuid().slice(0, 8)}`);
    this.#snapshots = this.#makeSnapshots();
    this.#appendWorker = this.#makeAppendWorker();
    this.#applyWorker = this.#makeApplyWorker();
    this.#flusher = this.#makeFlusher();
    this.#ticker = new Ticker({
      clock,
      tickMs: this.#timing.tickMs,
      // A leader must count time, or it would trust its lease for too long; an election timeout ends any lease.
      limit: () => (this.isLeader() ? this.#timing.electionTicks : 2),
      onTick: () => this.#tick(),
    });
    this.#changes = new MembershipChanges({
      members: this.#members,
      proposals: this.#proposals,
      leader: () => (this.#stopped || !this.isLeader() ? undefined : this.#node),
      wake: () => this.#schedule(),
    });
    this.#succession = new Succession({
      self: this.#self,
      promiseTicks: this.#timing.leaseTicks,
      forgetLeader: () => this.#withNode((node) => node.forgetLeader()),
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
    await reconcile(log, stateMachine);
    const node = makeNode(this.#self, this.#timing, this.#options);
    await transport.start({
      onMessage: (message) => this.#onMessage(message),
      onSnapshot: (from, header, chunks) => this.#snapshots.receive(this.#self, from, header, chunks),
      onRequest: this.#options.onRequest,
      onUnreachable: (peer) => this.#withNode((raft) => raft.reportUnreachable(peer)),
      onRefused: (peer) => this.#onRefused(peer),
    });
    this.#node = node;
    this.#leadership.term = log.initialState().hardState.term;
    const hasPast = this.hasState();
    if (bootstrap !== undefined && !hasPast) {
      const peers = bootstrap.map((server) => ({ id: raftIdOf(server.id), context: encodeServer(server) }));
      this.#members.seed(bootstrap);
      node.bootstrap(peers.sort((a, b) => a.id - b.id));
    }
    this.#connectPeers();
    const voters = hasPast
      ? log.configuration.confState.voters
      : (bootstrap ?? []).map((server) => raftIdOf(server.id));
    this.#succession.atStart(voters, hasPast);
    this.#ticker.start();
    this.#flusher.start();
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
    await this.#flusher.idle();
    this.#node = undefined;
    if (options.abrupt === true || this.#failed) return;
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
    if (!this.isLeader()) return Promise.reject(raftErrors.noLeader());
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
    return this.isLeader() && this.#node?.hasLease(this.#ticker.missed) === true;
  }

  isLeader(): boolean {
    return this.#leadership.leading;
  }

  leaderId(): number {
    return this.#leadership.leader;
  }

  leader(): RaftPeer | undefined {
    return this.#members.get(this.#leadership.leader);
  }

  term(): number {
    return this.#leadership.term;
  }

  lastContactMs(): number {
    return this.#leadership.silentMs;
  }

  /** Milliseconds since anything came from that server; undefined where nothing ever did. */
  silenceOf(id: string): number | undefined {
    return this.#leadership.silenceOf(raftIdOf(id));
  }

  /**
   * Calls the listener with true once this server leads and has applied everything that earlier leaders committed, and with false
   * when it no longer leads. Returns a function that ends that.
   */
  onLeadership(listener: LeadershipListener): () => void {
    return this.#leadership.onChange(listener);
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

  /** That server is gone for good: no connection to it is tried any more, unless it is in the configuration. */
  forgetPeerAddress(id: string): void {
    this.#members.forget(id);
    if (this.#node !== undefined) this.#connectPeers();
  }

  /** Adds a voter, or makes a learner one. Resolves when the change is applied here. For the leader. */
  addVoter(server: ServerAddress): Promise<void> {
    return this.#changes.add(server, true);
  }

  /** Adds a server that gets the log and has no vote. */
  addLearner(server: ServerAddress): Promise<void> {
    return this.#changes.add(server, false);
  }

  /** Removes a server by its UUID. */
  removePeer(id: string): Promise<void> {
    return this.#changes.remove(id);
  }

  /** Hands leadership to a voter, by default the one whose log is longest; resolves when this server leads no more. */
  async transferLeadership(id?: string): Promise<void> {
    const node = this.#node;
    if (node === undefined || !this.isLeader()) throw raftErrors.noLeader();
    await transferLeadership({
      node,
      target: id === undefined ? undefined : raftIdOf(id),
      isLeader: () => this.isLeader(),
      isVoter: (peer) => this.#members.get(peer)?.voter === true,
      wake: () => this.#schedule(),
      clock: this.#options.clock,
      timeoutMs: this.#timing.tickMs * this.#timing.electionTicks * 2,
    });
  }

  // Parts

  #makeSnapshots(): Snapshots {
    const { log, stateMachine, transport, logger, snapshotDirectory } = this.#options;
    return new Snapshots({
      log,
      stateMachine,
      members: this.#members,
      transport,
      logger,
      directory: snapshotDirectory,
      report: (peer, ok) => this.#withNode((node) => node.reportSnapshot(peer, ok)),
      step: (message) => {
        this.#onMessage(message);
        // Now, so that it is known whether Raft takes the snapshot.
        this.#process();
      },
    });
  }

  #makeAppendWorker(): AppendWorker {
    const { log, stateMachine } = this.#options;
    return new AppendWorker({
      log,
      deliver: (responses) => this.#deliver(responses),
      fail: (error) => this.#fail(error),
      settled: () => this.#process(),
      install: async (message, hardState) => {
        await this.#applyWorker.idle();
        await this.#snapshots.install(message, hardState);
        if (!this.#stopped) this.#connectPeers();
        this.#reads.advance(stateMachine.appliedIndex);
      },
    });
  }

  #makeApplyWorker(): ApplyWorker {
    const { stateMachine, clock } = this.#options;
    return new ApplyWorker({
      stateMachine,
      clock,
      deliver: (responses) => this.#deliver(responses),
      fail: (error) => this.#fail(error),
      onApplied: (entry, result) => this.#onApplied(entry, result),
      onAdvance: () => this.#reads.advance(stateMachine.appliedIndex),
      changeConfiguration: (entry) => this.#changeConfiguration(entry),
    });
  }

  #makeFlusher(): StateFlusher {
    const { log, stateMachine, syncState, clock, compaction = DEFAULT_COMPACTION } = this.#options;
    const neededFrom = (): number => {
      const status = this.#node?.status();
      return status === undefined ? 0 : firstNeeded(status, this.#snapshots.oldestSending);
    };
    return new StateFlusher({
      stateMachine,
      compaction: new Compaction({ log, stateMachine, syncState, limits: compaction, neededFrom }),
      clock,
      fail: (error) => this.#fail(error),
    });
  }

  #connectPeers(): void {
    this.#options.transport.setPeers(this.#members.addresses());
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
      // What comes while a write runs goes together into the next one, and into one message to each follower.
      if (!this.#appendWorker.busy) this.#proposals.submit(node, this.isLeader());
      const read = this.#reads.next(this.#options.clock.monotonicMs());
      if (read !== undefined) node.readIndex(read);
      while (!this.#stopped && node.hasReady()) this.#handle(node.ready());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#processing = false;
    }
    this.#options.transport.flush();
  }

  #handle(ready: Ready): void {
    if (ready.hardState !== undefined) this.#leadership.term = ready.hardState.term;
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

  #tick(): void {
    const node = this.#node;
    if (node === undefined || this.#stopped) return;
    try {
      node.tick();
    } catch (error) {
      return this.#fail(error);
    }
    this.#succession.tick(this.leaderId());
    this.#reads.expire(this.#options.clock.monotonicMs());
    this.#schedule();
  }

  // What comes from the network

  #onMessage(message: Message): void {
    this.#leadership.heard(message);
    if (message.from !== this.#self) this.#withNode((node) => node.step(message));
  }

  #onRefused(peer: number): void {
    if (peer !== this.leaderId() || this.isLeader()) return;
    this.#options.logger.info(`raft: the leader's process is gone (server ${peer})`);
    const { voters } = this.#members.configuration.confState;
    this.#succession.begin(peer, voters, Math.floor(this.lastContactMs() / this.#timing.tickMs));
  }

  #onSoftState(lead: number, state: RaftState): void {
    const leadBefore = this.leaderId();
    const lost = this.#leadership.update(lead, state);
    if (lead !== leadBefore) {
      const name = this.leader()?.name ?? lead;
      this.#options.logger.info(lead === 0 ? "raft: no leader" : `raft: server ${name} leads in term ${this.term()}`);
    }
    if (lost) this.#loseLeadership(raftErrors.noLeader());
  }

  /** What is in the log may still be committed by another leader; what waits in the queue was never appended. */
  #loseLeadership(reason: SteppeError): void {
    this.#proposals.abandon();
    this.#proposals.rejectQueue(reason);
    this.#leadership.resign();
  }

  #onApplied(entry: Entry, result: unknown): void {
    this.#proposals.settle(entry.index, entry.term, result);
    this.#leadership.applied(entry.term);
  }

  async #changeConfiguration(entry: Entry): Promise<unknown> {
    // Stored already, before a crash took back the state machine.
    if (entry.index <= this.#members.configuration.index) return undefined;
    const change = decodeConfChange(entry.type, entry.data);
    assert(change.version === 1, `entry ${entry.index} is a kind of configuration change that is never proposed`);
    const confState = must(this.#node, "the driver has not been started").applyConfChange(change);
    const configuration = this.#members.change(entry.index, confState, change.nodeId, change.context);
    // Before the state machine counts the entry: it would not be handed out again.
    await this.#options.log.append({ configuration });
    if (!this.#stopped) this.#connectPeers();
    this.#options.logger.info(`raft: the servers are now ${this.#members.names().join(", ")}`);
    return true;
  }

  /** Stops acting as a Raft node, and rejects everything that waits. */
  #halt(): void {
    this.#stopped = true;
    this.#ticker.stop();
    this.#flusher.stop();
    this.#applyWorker.stop();
    this.#leadership.update(0, RaftState.follower);
    this.#loseLeadership(raftErrors.stopped());
    this.#reads.rejectAll(raftErrors.stopped());
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    const { logger, transport, onFatal } = this.#options;
    const text = error instanceof SteppeError ? error.message : `${errorMessage(error)} (a bug in Steppe)`;
    logger.error(`raft: this server stops: ${text}`);
    this.#failed = true;
    this.#halt();
    void transport.close();
    onFatal(error);
  }
}
