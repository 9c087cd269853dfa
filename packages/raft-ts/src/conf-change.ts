// Changes of the membership, as values: what a driver proposes, and what an entry's data holds.
//
// A V1 change adds or removes one node at a time (Raft thesis §4.1). A V2 change holds any number of them and goes through
// a joint configuration (Raft paper §6) where a single step would not be safe.

import { RaftError } from "./errors.js";
import { EntryType, type EntryType as EntryKind } from "./types.js";

export const ConfChangeType = { addNode: 0, removeNode: 1, updateNode: 2, addLearnerNode: 3 } as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

export const ConfChangeTransition = {
  /** One step if the change allows it; otherwise joint, and left automatically. */
  auto: 0,
  /** Joint, and left automatically. */
  jointImplicit: 1,
  /** Joint, and left when an empty V2 change is proposed. */
  jointExplicit: 2,
} as const;
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition];

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: number;
}

export interface ConfChangeV1 extends ConfChangeSingle {
  readonly version: 1;
  /** Opaque: for the application. */
  readonly context?: Uint8Array;
}

export interface ConfChangeV2 {
  readonly version: 2;
  readonly transition: ConfChangeTransition;
  /** Empty: leave the joint configuration. */
  readonly changes: readonly ConfChangeSingle[];
  readonly context?: Uint8Array;
}

export type ConfChange = ConfChangeV1 | ConfChangeV2;

/** The change that leaves a joint configuration. */
export const leaveJointChange: ConfChangeV2 = { version: 2, transition: ConfChangeTransition.auto, changes: [] };

export function asConfChangeV2(change: ConfChange): ConfChangeV2 {
  if (change.version === 2) return change;
  const v2 = {
    version: 2,
    transition: ConfChangeTransition.auto,
    changes: [{ type: change.type, nodeId: change.nodeId }],
  } as const;
  return change.context === undefined ? v2 : { ...v2, context: change.context };
}

/** How a change is carried out: "simple" in one step, "enter" or "leave" a joint configuration. */
export function confChangeStep(change: ConfChangeV2): { kind: "simple" | "leave" | "enter"; autoLeave: boolean } {
  const { transition, changes } = change;
  if (transition === ConfChangeTransition.auto && changes.length === 0) return { kind: "leave", autoLeave: false };
  // More than one change can touch more than one voter, where old and new majorities need not overlap. Without
  // counting voters we are strict: any two changes go through a joint configuration.
  if (transition !== ConfChangeTransition.auto || changes.length > 1) {
    return { kind: "enter", autoLeave: transition !== ConfChangeTransition.jointExplicit };
  }
  return { kind: "simple", autoLeave: false };
}

export function confChangeEntryType(change: ConfChange): EntryKind {
  return change.version === 1 ? EntryType.confChange : EntryType.confChangeV2;
}

// The encoding: V1 is [type, node id, context...]; V2 is [transition, count, (type, node id)..., context...], with node
// ids as 8 bytes, big-endian. The change that leaves a joint configuration is no bytes at all, so that no limit on the
// size of proposals can ever refuse it and strand the cluster in the joint configuration.

const SINGLE_BYTES = 9;
const noBytes = new Uint8Array(0);

export function encodeConfChange(change: ConfChange): Uint8Array {
  const context = change.context ?? noBytes;
  const singles = change.version === 1 ? [change] : change.changes;
  if (change.version === 2) {
    if (singles.length > 255) throw new RaftError("invalidConfChange", "raft: more than 255 changes in one");
    if (confChangeStep(change).kind === "leave" && context.byteLength === 0) return noBytes;
  }
  const head = change.version === 1 ? 0 : 2;
  const bytes = new Uint8Array(head + singles.length * SINGLE_BYTES + context.byteLength);
  const view = new DataView(bytes.buffer);
  if (change.version === 2) {
    bytes[0] = change.transition;
    bytes[1] = singles.length;
  }
  singles.forEach((single, i) => {
    if (!Number.isSafeInteger(single.nodeId) || single.nodeId < 0) {
      throw new RaftError("invalidConfChange", `raft: invalid node id ${single.nodeId}`);
    }
    bytes[head + i * SINGLE_BYTES] = single.type;
    view.setBigUint64(head + i * SINGLE_BYTES + 1, BigInt(single.nodeId));
  });
  bytes.set(context, head + singles.length * SINGLE_BYTES);
  return bytes;
}

/** Decodes the data of an entry whose type is confChange or confChangeV2. */
export function decodeConfChange(type: EntryKind, data: Uint8Array): ConfChange {
  if (type === EntryType.confChangeV2 && data.byteLength === 0) return leaveJointChange;
  const head = type === EntryType.confChange ? 0 : 2;
  const count = type === EntryType.confChange ? 1 : (data[1] ?? 0);
  const end = head + count * SINGLE_BYTES;
  if (type === EntryType.normal || data.byteLength < end || (head === 2 && data[0]! > 2)) {
    throw new RaftError("invalidConfChange", "raft: not an encoded configuration change");
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const changes: ConfChangeSingle[] = [];
  for (let at = head; at < end; at += SINGLE_BYTES) {
    const kind = data[at]!;
    const nodeId = Number(view.getBigUint64(at + 1));
    if (kind > 3 || !Number.isSafeInteger(nodeId)) {
      throw new RaftError("invalidConfChange", "raft: not an encoded configuration change");
    }
    changes.push({ type: kind as ConfChangeType, nodeId });
  }
  const context = data.byteLength > end ? { context: data.slice(end) } : {};
  if (type === EntryType.confChange) return { version: 1, ...changes[0]!, ...context };
  return { version: 2, transition: data[0] as ConfChangeTransition, changes, ...context };
}
