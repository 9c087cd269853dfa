// A cluster of nodes in memory, driven by the commands of a transcript; what they do is written down as text.

import {
  ConfChangeTransition,
  ConfChangeType,
  EntryType,
  MemoryStorage,
  MessageType,
  RawNode,
  decodeConfChange,
  describeEntries,
  describeMessage,
  describeMessageType,
  describeProgress,
  describeRaftState,
  describeReady,
  emptySnapshot,
  isLocalTarget,
  newMessage,
  type ConfChange,
  type ConfChangeSingle,
  type Config,
  type Entry,
  type HardState,
  type Message,
  type Snapshot,
} from "../../src/index.js";
import type { Argument, Case } from "./script.js";

type NodeConfig = Omit<Config, "id" | "storage">;

/** Gives out the newest state as a snapshot, whatever was compacted. */
class HistoryStorage extends MemoryStorage {
  history: Snapshot[] = [];
  override snapshot(): Snapshot {
    return this.history.at(-1)!;
  }
}

interface Node {
  readonly id: number;
  readonly config: NodeConfig;
  rawNode: RawNode;
  readonly storage: HistoryStorage;
  appendWork: Message[];
  applyWork: Message[];
}

const noBytes = new Uint8Array(0);

export class Interaction {
  private readonly nodes: Node[] = [];
  private messages: Message[] = [];
  private remembered: Message[] = [];
  private output: string[] = [];
  private quiet = false;

  run({ command, args, input }: Case): string {
    this.output = [];
    let failure: string | undefined;
    try {
      this.dispatch(command, args, input);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failure = error.message;
    }
    if (this.quiet) return failure ?? "ok";
    const text = this.output.join("") + (failure ?? "");
    return text === "" ? "ok" : text;
  }

  private dispatch(command: string, args: readonly Argument[], input: string): void {
    const ids = args.filter(({ values }) => values.length === 0).map(({ key }) => Number(key));
    const option = (name: string): string | undefined => args.find(({ key }) => key === name)?.values[0];
    const first = (): Node => this.node(ids[0]);
    switch (command) {
      case "_breakpoint":
        return;
      case "log-level":
        this.quiet = args[0]?.key.toLowerCase() === "none";
        return;
      case "add-nodes":
        return this.addNodes(ids[0]!, args.slice(1));
      case "campaign":
        return first().rawNode.campaign();
      case "compact":
        first().storage.compact(ids[1]!);
        return this.raftLog(first());
      case "deliver-msgs":
        return this.deliverCommand(args);
      case "forget-leader":
        return first().rawNode.forgetLeader();
      case "process-ready":
        return this.forEachNode(ids, "handling Ready", (node) => this.processReady(node));
      case "process-append-thread":
        return this.forEachNode(ids, "processing append thread", (node) => this.processAppendThread(node));
      case "process-apply-thread":
        return this.forEachNode(ids, "processing apply thread", (node) => this.processApplyThread(node));
      case "propose":
        return void first().rawNode.propose(bytesOf(args[1]?.key ?? ""));
      case "propose-conf-change":
        return void first().rawNode.proposeConfChange(parseConfChange(option("v1"), option("transition"), input));
      case "raft-log":
        return this.raftLog(first());
      case "raft-state":
        return this.raftState();
      case "report-unreachable":
        return first().rawNode.reportUnreachable(ids[1]!);
      case "send-snapshot":
        return this.sendSnapshot(first(), ids[1]!);
      case "set-randomized-election-timeout":
        first().rawNode.raft.randomizedElectionTimeout = Number(option("timeout"));
        return;
      case "stabilize":
        return this.stabilizeCommand(ids, option("log-level"));
      case "status":
        return this.status(first());
      case "tick-election":
        return this.tick(first(), first().config.electionTick);
      case "tick-heartbeat":
        return this.tick(first(), first().config.heartbeatTick);
      case "transfer-leadership":
        return this.node(Number(option("from"))).rawNode.transferLeader(Number(option("to")));
      default:
        return this.dispatchOwn(command, args, ids, first);
    }
  }

  /** Commands that only the transcripts of this project use. */
  private dispatchOwn(command: string, args: readonly Argument[], ids: readonly number[], first: () => Node): void {
    switch (command) {
      case "tick":
        return this.tick(first(), ids[1]!);
      case "restart":
        return this.restart(first());
      case "read-index":
        return first().rawNode.readIndex(args[1]!.key);
      case "lease":
        return this.write(`lease=${first().rawNode.hasLease(ids[1] ?? 0)}\n`);
      case "report-snapshot":
        return first().rawNode.reportSnapshot(ids[1]!, args[2]?.key === "ok");
      case "hard-state": {
        const { term, vote, commit } = first().storage.initialState().hardState;
        return this.write(`Term:${term} Vote:${vote} Commit:${commit}\n`);
      }
      case "remember-msgs":
        this.remembered = this.messages.map((message) => ({ ...message }));
        return;
      case "replay-msgs":
        // They arrive once more, the newest first.
        this.messages.push(...this.remembered.reverse());
        return;
      default:
        throw new Error(`unknown command: ${command}`);
    }
  }

  private node(id: number | undefined): Node {
    const node = this.nodes[(id ?? 0) - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  private write(text: string): void {
    if (!this.quiet) this.output.push(text);
  }

  /** Runs with all output indented. */
  private indented(run: () => void): void {
    const outer = this.output;
    this.output = [];
    try {
      run();
    } finally {
      const text = this.output.join("");
      this.output = outer;
      for (const line of text.split("\n")) if (line !== "") this.output.push(`  ${line}\n`);
    }
  }

  private addNodes(count: number, args: readonly Argument[]): void {
    const { config, snapshot } = parseNodeOptions(args);
    for (let i = 0; i < count; i++) {
      const id = this.nodes.length + 1;
      const storage = new HistoryStorage();
      if (snapshot.metadata.index > 0) storage.applySnapshot(snapshot);
      storage.history = [snapshot];
      const rawNode = new RawNode({ ...config, id, storage });
      this.nodes.push({ id, config, rawNode, storage, appendWork: [], applyWork: [] });
    }
  }

  /** A crash: what was not stored is lost, and so is what a local thread had still to do. */
  private restart(node: Node): void {
    const { metadata } = node.storage.history.at(-1)!;
    const initial = { hardState: node.storage.initialState().hardState, confState: metadata.confState };
    const storage = Object.assign(node.storage, { initialState: () => initial });
    node.rawNode = new RawNode({ ...node.config, id: node.id, storage, applied: metadata.index });
    storage.initialState = () => HistoryStorage.prototype.initialState.call(storage);
    node.appendWork = [];
    node.applyWork = [];
  }

  private tick(node: Node, count: number): void {
    for (let i = 0; i < count; i++) node.rawNode.tick();
  }

  private forEachNode(ids: readonly number[], title: string, run: (node: Node) => void): void {
    for (const id of ids) {
      const node = this.node(id);
      if (ids.length === 1) {
        run(node);
      } else {
        this.write(`> ${id} ${title}\n`);
        this.indented(() => run(node));
      }
    }
  }

  private processReady(node: Node): void {
    const ready = node.rawNode.ready();
    this.write(describeReady(ready));
    const synchronous = node.config.asyncStorageWrites !== true;
    if (synchronous) {
      store(node, ready.hardState, ready.entries, ready.snapshot);
      apply(node, ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (message.type === MessageType.msgStorageAppend) node.appendWork.push(message);
      else if (message.type === MessageType.msgStorageApply) node.applyWork.push(message);
      else this.messages.push(message);
    }
    if (synchronous) node.rawNode.advance();
  }

  private processAppendThread(node: Node): void {
    const message = node.appendWork.shift();
    if (message === undefined) return this.write("no append work to perform");
    const { term, vote, commit, responses } = message;
    this.write(`Processing:\n${describeMessage({ ...message, responses: undefined })}\n`);
    const hardState = term === 0 && vote === 0 && commit === 0 ? undefined : { term, vote, commit };
    store(node, hardState, message.entries, message.snapshot);
    this.respond(responses);
  }

  private processApplyThread(node: Node): void {
    const message = node.applyWork.shift();
    if (message === undefined) return this.write("no apply work to perform");
    this.write(`Processing:\n${describeMessage({ ...message, responses: undefined })}\n`);
    apply(node, message.entries);
    this.respond(message.responses);
  }

  private respond(responses: readonly Message[] | undefined): void {
    this.write("Responses:\n");
    for (const response of responses ?? []) {
      this.write(`${describeMessage(response)}\n`);
      this.messages.push(response);
    }
  }

  private deliverCommand(args: readonly Argument[]): void {
    const type = args.find(({ key }) => key === "type")?.values[0];
    let count = 0;
    for (const { key, values } of args) {
      if (values.length === 0) count += this.deliver(Number(key), false, type);
      if (key === "drop") for (const id of values) count += this.deliver(Number(id), true, type);
    }
    if (count === 0) this.write("no messages\n");
  }

  private addressedTo(id: number, drop: boolean, type: string | undefined): (message: Message) => boolean {
    return (message) =>
      message.to === id &&
      // Local messages are never lost.
      !(drop && (message.from === message.to || isLocalTarget(message.from))) &&
      (type === undefined || describeMessageType(message.type) === type);
  }

  private deliver(id: number, drop: boolean, type: string | undefined): number {
    const matches = this.addressedTo(id, drop, type);
    const delivered = this.messages.filter(matches);
    this.messages = this.messages.filter((message) => !matches(message));
    for (const message of delivered) {
      this.write(`${drop ? "dropped: " : ""}${describeMessage(message)}\n`);
      if (drop) continue;
      try {
        this.node(id).rawNode.step(message);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.write(`${error.message}\n`);
      }
    }
    return delivered.length;
  }

  private stabilizeCommand(ids: readonly number[], logLevel: string | undefined): void {
    const { quiet } = this;
    if (logLevel === "none") this.quiet = true;
    try {
      this.stabilize(ids.length === 0 ? this.nodes : ids.map((id) => this.node(id)));
    } finally {
      this.quiet = quiet;
    }
  }

  private stabilize(nodes: readonly Node[]): void {
    const phases: { title: string; ready: (node: Node) => boolean; run: (node: Node) => void }[] = [
      {
        title: "handling Ready",
        ready: (node) => node.rawNode.hasReady(),
        run: (node) => this.processReady(node),
      },
      {
        title: "receiving messages",
        ready: (node) => this.messages.some(this.addressedTo(node.id, false, undefined)),
        run: (node) => void this.deliver(node.id, false, undefined),
      },
      {
        title: "processing append thread",
        ready: (node) => node.appendWork.length > 0,
        run: (node) => {
          while (node.appendWork.length > 0) this.processAppendThread(node);
        },
      },
      {
        title: "processing apply thread",
        ready: (node) => node.applyWork.length > 0,
        run: (node) => {
          while (node.applyWork.length > 0) this.processApplyThread(node);
        },
      },
    ];
    let busy = true;
    while (busy) {
      busy = false;
      for (const { title, ready, run } of phases) {
        for (const node of nodes) {
          if (!ready(node)) continue;
          this.write(`> ${node.id} ${title}\n`);
          this.indented(() => run(node));
          busy = true;
        }
      }
    }
  }

  private raftLog({ storage }: Node): void {
    const [first, last] = [storage.firstIndex(), storage.lastIndex()];
    if (last < first) this.write(`log is empty: first index=${first}, last index=${last}`);
    else this.write(describeEntries(storage.entries(first, last + 1, Infinity)));
  }

  private raftState(): void {
    for (const { id, rawNode } of this.nodes) {
      const { raftState, config, term, lead } = rawNode.status();
      const voter = config.voters.includes(id) || config.votersOutgoing.includes(id) ? "(Voter)" : "(Non-Voter)";
      this.write(`${id}: ${describeRaftState(raftState)} ${voter} Term:${term} Lead:${lead}\n`);
    }
  }

  private status({ rawNode }: Node): void {
    for (const [id, progress] of rawNode.status().progress) this.write(`${id}: ${describeProgress(progress)}\n`);
  }

  private sendSnapshot(from: Node, to: number): void {
    const { term } = from.rawNode.status();
    const message = newMessage(MessageType.msgSnap, to, { from: from.id, term, snapshot: from.storage.snapshot() });
    this.messages.push(message);
    this.write(describeMessage(message));
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function parseNodeOptions(args: readonly Argument[]): { config: NodeConfig; snapshot: Snapshot } {
  const option = (name: string): string | undefined => args.find(({ key }) => key === name)?.values[0];
  const ids = (name: string): number[] => (args.find(({ key }) => key === name)?.values ?? []).map(Number);
  const index = Number(option("index") ?? 0);
  const limit = option("max-committed-size-per-ready");
  const config: NodeConfig = {
    electionTick: Number(option("election-tick") ?? 3),
    heartbeatTick: 1,
    random: () => 0,
    maxSizePerMsg: Infinity,
    maxInflightMsgs: Number(option("inflight") ?? 0x7fffffff),
    applied: index,
    asyncStorageWrites: option("async-storage-writes") === "true",
    preVote: option("prevote") === "true",
    checkQuorum: option("checkquorum") === "true",
    readOnlyOption: option("read-only") === "lease-based" ? "leaseBased" : "safe",
    ...(option("leader-lease") === undefined ? {} : { leaderLease: option("leader-lease") === "true" }),
    ...(limit === undefined ? {} : { maxCommittedSizePerReady: Number(limit) }),
    ...(option("max-size-per-msg") === undefined ? {} : { maxSizePerMsg: Number(option("max-size-per-msg")) }),
    ...(option("max-uncommitted-size") === undefined
      ? {}
      : { maxUncommittedEntriesSize: Number(option("max-uncommitted-size")) }),
    disableConfChangeValidation: option("disable-conf-change-validation") === "true",
    disableProposalForwarding: option("disable-proposal-forwarding") === "true",
    stepDownOnRemoval: option("step-down-on-removal") === "true",
  };
  if (index === 0 && args.every(({ key }) => key !== "voters")) return { config, snapshot: emptySnapshot };
  if (index <= 1) throw new Error("index must be specified as > 1 due to bootstrap");
  const confState = {
    voters: ids("voters"),
    learners: ids("learners"),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { config, snapshot: { data: bytesOf(option("content") ?? ""), metadata: { index, term: 1, confState } } };
}

const changeTypes: Record<string, ConfChangeType> = {
  v: ConfChangeType.addNode,
  l: ConfChangeType.addLearnerNode,
  r: ConfChangeType.removeNode,
  u: ConfChangeType.updateNode,
};

export function parseChanges(input: string): ConfChangeSingle[] {
  const words = input.split(/\s+/).filter((word) => word !== "");
  return words.map((word) => ({ type: changeTypes[word.charAt(0)]!, nodeId: Number(word.slice(1)) }));
}

function parseConfChange(v1: string | undefined, transition: string | undefined, input: string): ConfChange {
  const changes = parseChanges(input);
  if (v1 === "true") return { version: 1, ...changes[0]! };
  const transitions: Record<string, ConfChangeTransition> = {
    auto: ConfChangeTransition.auto,
    implicit: ConfChangeTransition.jointImplicit,
    explicit: ConfChangeTransition.jointExplicit,
  };
  return { version: 2, transition: transitions[transition ?? "auto"]!, changes };
}

function store(
  { storage }: Node,
  hardState: HardState | undefined,
  entries: readonly Entry[],
  snapshot: Snapshot | undefined,
): void {
  if (hardState !== undefined) storage.setHardState(hardState);
  if (snapshot !== undefined) {
    storage.applySnapshot(snapshot);
    storage.history.push(snapshot);
  }
  storage.append(entries);
}

/** The state machine appends each command to what it holds; every state is kept as a snapshot. */
function apply({ rawNode, storage }: Node, entries: readonly Entry[]): void {
  for (const { term, index, type, data } of entries) {
    const last = storage.history.at(-1)!;
    let { confState } = last.metadata;
    let update = data;
    if (type !== EntryType.normal) {
      const change = decodeConfChange(type, data);
      update = change.context ?? noBytes;
      confState = rawNode.applyConfChange(change);
    }
    const state = new Uint8Array(last.data.length + update.length);
    state.set(last.data);
    state.set(update, last.data.length);
    storage.history.push({ data: state, metadata: { index, term, confState } });
  }
}
