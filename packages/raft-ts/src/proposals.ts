// Entries that a leader appends: proposals, among them configuration changes, and those which it makes for itself.

import { asConfChangeV2, decodeConfChange } from "./conf-change.js";
import { RaftError, invariant } from "./errors.js";
import { isJoint } from "./membership.js";
import { newMessage } from "./messages.js";
import type { Raft } from "./raft.js";
import { broadcastAppend, payloadSize } from "./replication.js";
import { EntryType, MessageType, NONE, RaftState, type Entry, type Message } from "./types.js";

const noBytes = new Uint8Array(0);

/** A proposal has reached the leader in a message: its entries may be shared with other messages. */
export function handleProposal(raft: Raft, message: Message): void {
  propose(raft, message.entries, false);
}

/** Appends and sends proposals, or throws if they are dropped; `owned` is as in appendOwnEntries. */
export function propose(raft: Raft, proposed: readonly Entry[], owned: boolean): void {
  invariant(proposed.length > 0, "raft: a proposal without entries");
  // A removed leader could not even count its own acknowledgement; a departing one must let its successor catch up.
  if (!raft.tracker.progress.has(raft.id) || raft.leadTransferee !== NONE) throw new RaftError("proposalDropped");
  const entries = screenConfChanges(raft, proposed);
  if (!appendOwnEntries(raft, entries, owned)) throw new RaftError("proposalDropped");
  broadcastAppend(raft);
}

/** Replaces configuration changes that may not be made now by empty entries. */
function screenConfChanges(raft: Raft, entries: readonly Entry[]): readonly Entry[] {
  if (entries.every((entry) => entry.type === EntryType.normal)) return entries;
  const lastIndex = raft.log.lastIndex();
  return entries.map((entry, i) => {
    if (entry.type === EntryType.normal) return entry;
    const problem = findConfChangeProblem(raft, entry);
    if (problem !== undefined && !raft.config.disableConfChangeValidation) {
      raft.logger?.info?.(`${raft.id} ignoring a configuration change: ${problem}`);
      return { term: 0, index: 0, type: EntryType.normal, data: noBytes };
    }
    raft.pendingConfIndex = lastIndex + 1 + i;
    return entry;
  });
}

function findConfChangeProblem(raft: Raft, entry: Entry): string | undefined {
  const change = asConfChangeV2(decodeConfChange(entry.type, entry.data));
  const wantsLeave = change.changes.length === 0;
  const joint = isJoint(raft.tracker.config);
  // With two changes in flight, configurations could be in effect whose majorities do not overlap.
  if (raft.pendingConfIndex > raft.log.applied) {
    return `possible unapplied conf change at index ${raft.pendingConfIndex} (applied to ${raft.log.applied})`;
  }
  if (joint && !wantsLeave) return "must transition out of joint config first";
  if (!joint && wantsLeave) return "not in joint state; refusing empty conf change";
  return undefined;
}

/**
 * Gives entries their place in the log. False if the uncommitted data would exceed its limit. `owned` entries belong to
 * nobody else and are filled in; others are copied.
 */
export function appendOwnEntries(raft: Raft, entries: readonly Entry[], owned: boolean): boolean {
  const size = payloadSize(entries);
  // The first entry is let through whatever its size, and so is one without data: those that a leader makes for itself.
  if (raft.uncommittedSize > 0 && size > 0 && raft.uncommittedSize + size > raft.config.maxUncommittedEntriesSize) {
    raft.logger?.debug?.(`${raft.id} appending new entries to log would exceed uncommitted entry size limit`);
    return false;
  }
  raft.uncommittedSize += size;
  const { term } = raft;
  let index = raft.log.lastIndex();
  invariant(Number.isSafeInteger(index + entries.length), "raft: the log's indexes are exhausted");
  if (owned) {
    for (const entry of entries as readonly { term: number; index: number }[]) {
      entry.term = term;
      entry.index = ++index;
    }
    raft.log.append(entries);
  } else {
    raft.log.append(entries.map(({ type, data }) => ({ term, index: ++index, type, data })));
  }
  // The leader acknowledges to itself, like a follower, when this is stored; it need not be the first to store it
  // (Raft thesis §10.2.1).
  raft.send(newMessage(MessageType.msgAppResp, raft.id, { index }));
  return true;
}

/** The driver has applied everything up to an index. */
export function advanceApplied(raft: Raft, index: number, size: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, size);
  if (!raft.tracker.config.autoLeave || applied < raft.pendingConfIndex || raft.state !== RaftState.leader) return;
  // The joint configuration is in effect, and it is this leader's to leave it. An entry without data is never refused for
  // its size. If a transfer is under way it is dropped: the next leader will do it, or we after the next entry applied.
  const leave: Entry = { term: 0, index: 0, type: EntryType.confChangeV2, data: noBytes };
  try {
    propose(raft, [leave], true);
    raft.logger?.info?.("initiating automatic transition out of joint configuration");
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
    raft.logger?.debug?.("not initiating automatic transition out of joint configuration");
  }
}
