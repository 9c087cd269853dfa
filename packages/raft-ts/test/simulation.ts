// A cluster in which everything goes wrong, from one seed: messages are lost, doubled and reordered, nodes are cut off,
// paused, and crash between any two steps of a driver; clocks run at different speeds; members come and go. What Raft
// promises is checked all along.

import {
  ConfChangeType,
  EntryType,
  MemoryStorage,
  MessageType,
  RaftError,
  RawNode,
  decodeConfChange,
  emptyConfState,
  type ConfChangeSingle,
  type ConfState,
  type Entry,
  type Message,
  type Ready,
  type Snapshot,
} from "../src/index.js";

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  /** The first so many are voters from the start; the others are added later, perhaps. */
  readonly voters: number;
  readonly steps: number;
  readonly lossPercent: number;
  readonly asyncStorageWrites: boolean;
  readonly preVote: boolean;
  readonly leaderLease: boolean;
  readonly changeMembers: boolean;
  readonly crashes: boolean;
}

const ELECTION_TICK = 10;
const TICK_LENGTH = 100;

class SimulatedStorage extends MemoryStorage {
  confState: ConfState = emptyConfState;
  state: () => Snapshot = () => super.snapshot();
  override initialState(): ReturnType<MemoryStorage["initialState"]> {
    return { hardState: super.initialState().hardState, confState: this.confState };
  }
  override snapshot(): Snapshot {
    return this.state();
  }
}

interface Member {
  readonly id: number;
  readonly storage: SimulatedStorage;
  raw: RawNode;
  // The state machine, which survives crashes: a hash over all that was applied.
  applied: number;
  appliedTerm: number;
  hash: number;
  // The clock.
  readonly tickLength: number;
  lastTickAt: number;
  pausedUntil: number;
  appendWork: Message[];
  applyWork: Message[];
  reads: Map<string, number>;
  /** The terms of proposals made while it led, by index. */
  proposed: Map<number, number>;
}

class Crash extends Error {}

export class Simulation {
  readonly counts = { applied: 0, elections: 0, reads: 0, leaseReads: 0, crashes: 0, snapshots: 0, changes: 0 };
  private readonly options: SimulationOptions;
  private readonly members: Member[] = [];
  private mail: { at: number; message: Message }[] = [];
  private now = 0;
  private random: () => number;
  private side = new Set<number>();
  private calm = false;
  private proposals = 0;
  private readCounter = 0;
  // What was observed, for the checks.
  private readonly leaders = new Map<number, number>();
  private readonly votes = new Map<string, number>();
  private readonly history: { term: number; hash: number }[] = [];
  private readonly contents = new Map<string, string>();
  private acknowledged = 0;
  private acknowledgedByLeader = 0;

  constructor(options: SimulationOptions) {
    this.options = options;
    this.random = randomFrom(options.seed);
    for (let id = 1; id <= options.nodes; id++) {
      const storage = new SimulatedStorage();
      const drift = options.leaderLease ? 0.04 : 0.2;
      const member: Member = {
        id,
        storage,
        raw: undefined as unknown as RawNode,
        applied: 0,
        appliedTerm: 0,
        hash: 0,
        tickLength: TICK_LENGTH * (1 - drift + 2 * drift * this.random()),
        lastTickAt: 0,
        pausedUntil: 0,
        appendWork: [],
        applyWork: [],
        reads: new Map(),
        proposed: new Map(),
      };
      storage.state = () => snapshotOf(member);
      this.start(member);
      const peers = Array.from({ length: options.voters }, (_, i) => ({ id: i + 1 }));
      if (id <= options.voters) member.raw.bootstrap(peers);
      this.members.push(member);
    }
  }

  /** Throws at the first broken promise. */
  run(): void {
    for (let i = 0; i < this.options.steps; i++) this.act();
    // Whatever happened: once the faults end, the cluster works again.
    this.calm = true;
    this.side.clear();
    const proposed = this.proposals;
    for (let i = 0; i < 200 && !this.settled(proposed); i++) {
      for (let j = 0; j < 200; j++) this.act();
    }
    if (!this.settled(proposed)) throw new Error(`the cluster did not recover\n${this.describe()}`);
  }

  private describe(): string {
    return this.members
      .map(({ raw, applied }) => {
        const { progress, config, ...rest } = raw.status();
        const members = [...progress].map(([id, { state, match, next, paused }]) => ({
          id,
          state,
          match,
          next,
          paused,
        }));
        return JSON.stringify({ ...rest, machine: applied, config, members });
      })
      .join("\n");
  }

  private settled(proposed: number): boolean {
    // Not necessarily a voter: one that was removed may go on until it is deposed.
    const leader = this.members.find(({ raw }) => raw.status().raftState === "leader");
    if (leader === undefined || this.proposals < proposed + 10) return false;
    const { config, commit } = leader.raw.status();
    return [...config.voters, ...config.learners].every((id) => this.members[id - 1]!.applied >= commit - 5);
  }

  private chance(percent: number): boolean {
    return this.random() * 100 < percent;
  }

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  private start(member: Member): void {
    const { asyncStorageWrites, preVote, leaderLease } = this.options;
    member.raw = new RawNode({
      id: member.id,
      storage: member.storage,
      electionTick: ELECTION_TICK,
      heartbeatTick: 1,
      random: this.random,
      applied: member.applied,
      asyncStorageWrites,
      preVote,
      checkQuorum: leaderLease || this.options.seed % 2 === 0,
      leaderLease,
      // Promises shorter than the election timeout, down to where a lease is hardly worth having.
      leaseTick: ELECTION_TICK - (this.options.seed % 5),
      maxSizePerMsg: 100,
      maxInflightMsgs: 4,
      maxUncommittedEntriesSize: 400,
      stepDownOnRemoval: this.options.seed % 3 === 0,
    });
    member.appendWork = [];
    member.applyWork = [];
    member.reads.clear();
    member.proposed.clear();
    member.lastTickAt = this.now;
  }

  private act(): void {
    this.now += Math.floor(this.random() * 12);
    if (!this.calm) this.makeTrouble();
    const member = this.pick(this.members);
    if (member.pausedUntil > this.now) return;
    try {
      // A process that wakes up may well answer a read before its timers have run.
      this.leaseRead(member);
      this.tick(member);
      this.receive(member);
      this.request(member);
      this.storageWork(member);
      while (member.raw.hasReady()) this.handle(member, member.raw.ready());
      this.observe(member);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.counts.crashes++;
      this.start(member);
    }
  }

  private makeTrouble(): void {
    if (this.chance(0.3)) {
      this.side = new Set(this.members.map(({ id }) => id).filter(() => this.chance(this.pick([0, 30, 50]))));
    }
    if (this.chance(0.2)) this.pick(this.members).pausedUntil = this.now + this.random() * 25 * TICK_LENGTH;
    if (this.options.crashes && this.chance(0.1)) {
      this.counts.crashes++;
      this.start(this.pick(this.members));
    }
  }

  private crashPoint(): void {
    if (this.options.crashes && !this.calm && this.chance(0.15)) throw new Crash();
  }

  private missedTicks(member: Member): number {
    return Math.floor((this.now - member.lastTickAt) / member.tickLength);
  }

  private tick(member: Member): void {
    for (let due = this.missedTicks(member); due > 0; due--) {
      member.raw.tick();
      member.lastTickAt += member.tickLength;
    }
  }

  private receive(member: Member): void {
    const due = this.mail.filter(({ at, message }) => message.to === member.id && at <= this.now);
    if (due.length === 0) return;
    const taken = new Set(due);
    this.mail = this.mail.filter((letter) => !taken.has(letter));
    for (const { message } of due) attempt(() => member.raw.step(message));
  }

  private send(message: Message): void {
    this.checkVote(message);
    const { from, to } = message;
    if (message.type === MessageType.msgSnap) {
      this.counts.snapshots++;
      const ok = this.chance(70);
      attempt(() => this.members[from - 1]!.raw.reportSnapshot(to, ok));
    }
    const cut = this.side.has(from) !== this.side.has(to);
    if (cut || (!this.calm && this.chance(this.options.lossPercent))) {
      if (this.chance(30)) attempt(() => this.members[from - 1]!.raw.reportUnreachable(to));
      return;
    }
    const copies = this.chance(3) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = this.chance(3) ? this.random() * 15 * TICK_LENGTH : this.random() * TICK_LENGTH;
      this.mail.push({ at: this.now + delay, message: { ...message } });
    }
  }

  private request(member: Member): void {
    const { raw, id } = member;
    if (this.chance(20)) {
      attempt(() => {
        const entry = raw.propose(Uint8Array.of(id, this.random() * 256, this.random() * 256));
        if (entry !== undefined) member.proposed.set(entry.index, entry.term);
        this.proposals++;
      });
    }
    if (this.chance(5)) {
      const context = `${id}:${this.readCounter++}`;
      member.reads.set(context, this.acknowledged);
      raw.readIndex(context);
    }
    if (this.calm) {
      const { config, raftState } = raw.status();
      // Somebody has to finish a joint configuration which is to be left explicitly.
      if (raftState === "leader" && config.votersOutgoing.length > 0) {
        attempt(() => void raw.proposeConfChange({ version: 2, transition: 0, changes: [] }));
      }
      return;
    }
    if (this.chance(0.2)) raw.transferLeader(this.pick(this.members).id);
    // A driver that is sure of a dead leader, and wrong as often as not.
    if (this.chance(0.2)) raw.forgetLeader();
    if (this.chance(0.2)) raw.campaign();
    if (this.chance(0.2)) raw.forgetLeader();
    if (this.options.changeMembers && this.chance(2)) this.changeMembers(member);
    if (this.chance(1) && member.applied > member.storage.firstIndex() + 3) {
      member.storage.compact(member.applied - Math.floor(this.random() * 3));
    }
  }

  private changeMembers({ raw }: Member): void {
    const change = (): ConfChangeSingle => ({
      type: this.pick([
        ConfChangeType.addNode,
        ConfChangeType.addNode,
        ConfChangeType.addLearnerNode,
        ConfChangeType.removeNode,
      ]),
      nodeId: this.pick(this.members).id,
    });
    attempt(() => {
      if (this.chance(40)) raw.proposeConfChange({ version: 1, ...change() });
      else {
        const changes = Array.from({ length: Math.floor(this.random() * 4) }, change);
        raw.proposeConfChange({ version: 2, transition: this.pick([0, 1, 2] as const), changes });
      }
    });
  }

  private handle(member: Member, ready: Ready): void {
    for (const { index, context } of ready.readStates) {
      const bound = member.reads.get(context);
      member.reads.delete(context);
      if (bound === undefined) continue;
      this.counts.reads++;
      if (index < bound) throw new Error(`stale read: index ${index}, but ${bound} was acknowledged before`);
    }
    if (this.options.asyncStorageWrites) {
      for (const message of ready.messages) {
        if (message.type === MessageType.msgStorageAppend) member.appendWork.push(message);
        else if (message.type === MessageType.msgStorageApply) member.applyWork.push(message);
        else this.send(message);
      }
      return;
    }
    this.crashPoint();
    this.store(member, ready.hardState, ready.entries, ready.snapshot);
    this.crashPoint();
    for (const message of ready.messages) this.send(message);
    this.crashPoint();
    // A driver which waits for its disk may hear from others meanwhile.
    if (this.chance(30)) this.receive(member);
    this.apply(member, ready.committedEntries);
    this.crashPoint();
    member.raw.advance();
  }

  /** The storage threads, which lag behind as they like. */
  private storageWork(member: Member): void {
    const queues = [
      { queue: member.appendWork, append: true },
      { queue: member.applyWork, append: false },
    ];
    for (const { queue, append } of queues) {
      while (queue.length > 0 && (this.calm || this.chance(60))) {
        const message = queue.shift()!;
        this.crashPoint();
        if (append) {
          const { term, vote, commit } = message;
          const hardState = term === 0 && vote === 0 && commit === 0 ? undefined : { term, vote, commit };
          this.store(member, hardState, message.entries, message.snapshot);
        } else {
          this.apply(member, message.entries);
        }
        for (const response of message.responses ?? []) {
          if (response.to === member.id) attempt(() => member.raw.step(response));
          else this.send(response);
        }
      }
    }
  }

  private store(
    member: Member,
    hardState: Ready["hardState"],
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): void {
    if (snapshot !== undefined) {
      const { index, term, confState } = snapshot.metadata;
      member.storage.applySnapshot(snapshot);
      member.storage.confState = confState;
      member.applied = index;
      member.appliedTerm = term;
      member.hash = new DataView(snapshot.data.buffer).getUint32(0);
    }
    if (hardState !== undefined) member.storage.setHardState(hardState);
    member.storage.append(entries);
    for (const { term, index, type, data } of entries) {
      // Log Matching: a term and an index name one entry, on all nodes and for ever.
      this.same(this.contents, `${term}/${index}`, `${type}:${data.join()}`, "log matching");
    }
  }

  private apply(member: Member, entries: readonly Entry[]): void {
    for (const { term, index, type, data } of entries) {
      // After a crash in the midst, entries are given out again only if they are not applied.
      if (index <= member.applied) throw new Error(`${member.id}: entry ${index} was given out twice`);
      if (index !== member.applied + 1) throw new Error(`${member.id}: entry ${member.applied + 1} was left out`);
      if (type !== EntryType.normal) {
        this.counts.changes++;
        attempt(() => {
          member.storage.confState = member.raw.applyConfChange(decodeConfChange(type, data));
        });
      }
      member.hash = hashOf(member.hash, term, data);
      member.applied = index;
      member.appliedTerm = term;
      this.counts.applied++;
      // State Machine Safety: the same entry at the same index everywhere, and with it all before it.
      const known = this.history[index];
      if (known === undefined) this.history[index] = { term, hash: member.hash };
      else if (known.term !== term || known.hash !== member.hash) throw new Error(`state machine safety at ${index}`);
      // Who proposed it tells its client now.
      if (member.proposed.get(index) === term) this.acknowledgedByLeader = Math.max(this.acknowledgedByLeader, index);
      if (type === EntryType.normal && data[0] === member.id) this.acknowledged = Math.max(this.acknowledged, index);
      this.crashPoint();
    }
  }

  private leaseRead(member: Member): void {
    const missed = this.missedTicks(member);
    const index = member.raw.leaseReadIndex(missed);
    if (index !== undefined && index < this.acknowledged) {
      throw new Error(`stale lease index on ${member.id}: ${index}, but ${this.acknowledged} was acknowledged`);
    }
    if (!member.raw.hasLease(missed)) return;
    this.counts.leaseReads++;
    if (member.applied < this.acknowledgedByLeader) {
      throw new Error(`stale lease read on ${member.id}: ${member.applied} < ${this.acknowledgedByLeader}`);
    }
  }

  private observe({ raw, id }: Member): void {
    const { raftState, term } = raw.status();
    if (raftState !== "leader") return;
    if (!this.leaders.has(term)) this.counts.elections++;
    this.same(this.leaders, term, id, "election safety");
  }

  /** A vote leaves the node only after it is stored, and there is one for each term. */
  private checkVote({ type, reject, from, to, term }: Message): void {
    if (type === MessageType.msgVoteResp && !reject) this.same(this.votes, `${from}@${term}`, to, "one vote a term");
  }

  private same<K, V>(seen: Map<K, V>, key: K, value: V, rule: string): void {
    const known = seen.get(key);
    if (known === undefined) seen.set(key, value);
    else if (known !== value) throw new Error(`${rule}: ${String(key)} is ${String(known)} and ${String(value)}`);
  }
}

/** Errors that a driver may see and ignore. */
function attempt(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
  }
}

function snapshotOf({ applied, appliedTerm, hash, storage }: Member): Snapshot {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, hash);
  return { data, metadata: { index: applied, term: appliedTerm, confState: storage.confState } };
}

function hashOf(before: number, term: number, data: Uint8Array): number {
  let hash = Math.imul(before ^ term, 0x01000193);
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A small generator (mulberry32), enough for tests. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
