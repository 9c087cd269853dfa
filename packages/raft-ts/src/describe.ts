// Text for logs, tests and people, in the notation that etcd's library made familiar: "1->2 MsgApp Term:1 Log:1/3 ...".

import { ConfChangeType, asConfChangeV2, decodeConfChange, type ConfChangeSingle } from "./conf-change.js";
import type { ConfigStatus, ProgressStatus } from "./status.js";
import {
  EntryType,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  type ConfState,
  type Entry,
  type HardState,
  type Message,
  type RaftState,
  type Ready,
  type Snapshot,
  type SoftState,
} from "./types.js";

const typeNames: readonly string[] = Object.entries(MessageType)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => capitalized(name));

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function describeMessageType(type: MessageType): string {
  return typeNames[type] ?? `Msg${String(type)}`;
}

export function describeRaftState(state: RaftState): string {
  return `State${capitalized(state)}`;
}

function describeTarget(id: number): string {
  if (id === LOCAL_APPEND_THREAD) return "AppendThread";
  if (id === LOCAL_APPLY_THREAD) return "ApplyThread";
  return String(id);
}

/** Bytes as a quoted string; what is not printable ASCII is escaped. */
export function describeData(data: Uint8Array): string {
  const named: Record<number, string> = { 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\" };
  let text = "";
  for (const byte of data) {
    const printable = byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    text += named[byte] ?? printable;
  }
  return `"${text}"`;
}

const changeLetters: Record<ConfChangeType, string> = {
  [ConfChangeType.addNode]: "v",
  [ConfChangeType.removeNode]: "r",
  [ConfChangeType.updateNode]: "u",
  [ConfChangeType.addLearnerNode]: "l",
};

/** Changes in short: v1 adds a voter, l2 a learner, r3 removes, u4 updates. */
export function describeConfChanges(changes: readonly ConfChangeSingle[]): string {
  return changes.map(({ type, nodeId }) => `${changeLetters[type]}${nodeId}`).join(" ");
}

export function describeEntry(entry: Entry): string {
  const id = `${entry.term}/${entry.index}`;
  if (entry.type === EntryType.normal) return `${id} EntryNormal ${describeData(entry.data)}`;
  const { changes } = asConfChangeV2(decodeConfChange(entry.type, entry.data));
  const name = entry.type === EntryType.confChange ? "EntryConfChange" : "EntryConfChangeV2";
  return `${id} ${name} ${describeConfChanges(changes)}`.trimEnd();
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join("");
}

export function describeHardState(state: HardState): string {
  return `Term:${state.term}${state.vote === 0 ? "" : ` Vote:${state.vote}`} Commit:${state.commit}`;
}

export function describeSoftState(state: SoftState): string {
  return `Lead:${state.lead} State:${describeRaftState(state.raftState)}`;
}

export function describeConfState(state: ConfState): string {
  const list = (ids: readonly number[]): string => `[${ids.join(" ")}]`;
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} Learners:${list(state.learners)} ` +
    `LearnersNext:${list(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

export function describeSnapshot(snapshot: Snapshot): string {
  const { index, term, confState } = snapshot.metadata;
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

export function describeMessage(message: Message, indent = ""): string {
  const { from, to, type, term, logTerm, index, entries, snapshot, responses } = message;
  let text = `${indent}${describeTarget(from)}->${describeTarget(to)} ${describeMessageType(type)}`;
  text += ` Term:${term} Log:${logTerm}/${index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== 0) text += ` Vote:${message.vote}`;
  if (entries.length === 1) text += ` Entries:[${describeEntry(entries[0]!)}]`;
  else if (entries.length > 1) {
    text += ` Entries:[${entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`).join("")}\n${indent}]`;
  }
  if (snapshot !== undefined) text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  if (responses !== undefined && responses.length > 0) {
    const inner = responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`).join("");
    text += ` Responses:[${inner}\n${indent}]`;
  }
  return text;
}

export function describeReady(ready: Ready): string {
  let text = "";
  if (ready.softState !== undefined) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState !== undefined) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) {
    const states = ready.readStates.map(({ index, context }) => `{${index} ${context}}`);
    text += `ReadStates [${states.join(" ")}]\n`;
  }
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (ready.snapshot !== undefined) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((message) => `${describeMessage(message)}\n`).join("")}`;
  }
  return text === "" ? "<empty Ready>" : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

export function describeProgress(progress: ProgressStatus): string {
  let text = `State${capitalized(progress.state)} match=${progress.match} next=${progress.next}`;
  if (progress.isLearner) text += " learner";
  if (progress.paused) text += " paused";
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`;
  if (!progress.recentActive) text += " inactive";
  if (progress.inflightCount > 0) text += ` inflight=${progress.inflightCount}${progress.inflightFull ? "[full]" : ""}`;
  return text;
}

export function describeConfig(config: ConfigStatus): string {
  const list = (ids: readonly number[]): string => `(${ids.join(" ")})`;
  let text = `voters=${list(config.voters)}`;
  if (config.votersOutgoing.length > 0) text += `&&${list(config.votersOutgoing)}`;
  if (config.learners.length > 0) text += ` learners=${list(config.learners)}`;
  if (config.learnersNext.length > 0) text += ` learners_next=${list(config.learnersNext)}`;
  return config.autoLeave ? `${text} autoleave` : text;
}
