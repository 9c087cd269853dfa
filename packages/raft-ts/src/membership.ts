// From one configuration to the next. Nothing is modified before the whole change is found valid: a change that throws
// leaves the tracker as it was.
//
// Why these rules: two majorities of configurations which differ by one voter always share a node, so such a change
// is safe in one step (Raft thesis §4.1). Any other goes through a joint configuration, in which every decision needs a
// majority of both halves (Raft paper §6).

import { ConfChangeType, type ConfChangeSingle } from "./conf-change.js";
import { invariant, RaftError } from "./errors.js";
import type { Progress } from "./progress.js";
import { sortedIds, unionOfIds } from "./quorum.js";
import { confStateOf, type ProgressMap, type Tracker, type TrackerConfig } from "./tracker.js";
import { NONE, type ConfState } from "./types.js";

export interface MembershipChange {
  readonly config: TrackerConfig;
  readonly progress: ProgressMap;
}

/** The sets of a configuration while it is being changed. */
interface Draft {
  readonly incoming: Set<number>;
  readonly outgoing: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  autoLeave: boolean;
  /** Removed at some point of this change: if added again, they start anew. */
  readonly dropped: Set<number>;
}

/** Applies changes of which at most one touches a voter. */
export function simpleChange(
  tracker: Tracker,
  lastIndex: number,
  changes: readonly ConfChangeSingle[],
): MembershipChange {
  if (isJoint(tracker.config)) refuse("can't apply simple config change in joint config");
  const draft = draftOf(tracker.config);
  applyChanges(draft, changes);
  const before = tracker.config.voters.incoming;
  const removed = before.filter((id) => !draft.incoming.has(id)).length;
  const added = draft.incoming.size - (before.length - removed);
  if (removed + added > 1) refuse("more than one voter changed without entering joint config");
  return finish(tracker, lastIndex, draft);
}

/** Makes the present voters the outgoing half, and changes the incoming one. */
export function enterJoint(
  tracker: Tracker,
  lastIndex: number,
  autoLeave: boolean,
  changes: readonly ConfChangeSingle[],
): MembershipChange {
  if (isJoint(tracker.config)) refuse("config is already joint");
  // With no voters there is nobody who could agree to the change.
  if (tracker.config.voters.incoming.length === 0) refuse("can't make a zero-voter config joint");
  const draft = draftOf(tracker.config);
  for (const id of draft.incoming) draft.outgoing.add(id);
  applyChanges(draft, changes);
  draft.autoLeave = autoLeave;
  return finish(tracker, lastIndex, draft);
}

/** Drops the outgoing half. */
export function leaveJoint(tracker: Tracker, lastIndex: number): MembershipChange {
  if (!isJoint(tracker.config)) refuse("can't leave a non-joint config");
  const draft = draftOf(tracker.config);
  for (const id of draft.learnersNext) draft.learners.add(id);
  draft.learnersNext.clear();
  draft.outgoing.clear();
  draft.autoLeave = false;
  return finish(tracker, lastIndex, draft);
}

/** The membership that a snapshot, or a stored state, describes; all progress starts anew. */
export function restoreMembership(tracker: Tracker, lastIndex: number, state: ConfState): MembershipChange {
  const draft: Draft = {
    incoming: new Set(state.voters),
    outgoing: new Set(state.votersOutgoing),
    learners: new Set(state.learners),
    learnersNext: new Set(state.learnersNext),
    autoLeave: state.autoLeave,
    dropped: new Set(),
  };
  for (const id of tracker.ids) draft.dropped.add(id);
  const change = finish(tracker, lastIndex, draft);
  invariant(sameConfState(confStateOf(change.config), state), "raft: a restored configuration differs from its source");
  return change;
}

function sameConfState(a: ConfState, b: ConfState): boolean {
  const text = (state: ConfState): string =>
    [state.voters, state.votersOutgoing, state.learners, state.learnersNext]
      .map((ids) => unionOfIds(ids).join())
      .concat(String(state.autoLeave))
      .join(";");
  return text(a) === text(b);
}

export function isJoint(config: TrackerConfig): boolean {
  return config.voters.outgoing.length > 0;
}

function refuse(reason: string): never {
  throw new RaftError("invalidConfChange", reason);
}

function draftOf(config: TrackerConfig): Draft {
  return {
    incoming: new Set(config.voters.incoming),
    outgoing: new Set(config.voters.outgoing),
    learners: new Set(config.learners),
    learnersNext: new Set(config.learnersNext),
    autoLeave: config.autoLeave,
    dropped: new Set(),
  };
}

function applyChanges(draft: Draft, changes: readonly ConfChangeSingle[]): void {
  for (const { type, nodeId } of changes) {
    // An application may veto a change by replacing its id by zero; that changes nothing.
    if (nodeId === NONE) continue;
    if (type === ConfChangeType.addNode) makeVoter(draft, nodeId);
    else if (type === ConfChangeType.addLearnerNode) makeLearner(draft, nodeId);
    else if (type === ConfChangeType.removeNode) remove(draft, nodeId);
  }
  if (draft.incoming.size === 0) refuse("removed all voters");
}

function makeVoter(draft: Draft, id: number): void {
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  draft.incoming.add(id);
}

/** A voter of the outgoing half stays one until that half is left: only learnersNext takes note of it. */
function makeLearner(draft: Draft, id: number): void {
  draft.incoming.delete(id);
  if (draft.outgoing.has(id)) draft.learnersNext.add(id);
  else draft.learners.add(id);
}

function remove(draft: Draft, id: number): void {
  draft.incoming.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.dropped.add(id);
}

function finish(tracker: Tracker, lastIndex: number, draft: Draft): MembershipChange {
  const config: TrackerConfig = {
    voters: { incoming: sortedIds(draft.incoming), outgoing: sortedIds(draft.outgoing) },
    learners: sortedIds(draft.learners),
    learnersNext: sortedIds(draft.learnersNext),
    autoLeave: draft.autoLeave,
  };
  checkInvariants(config);
  const progress = new Map<number, Progress>();
  for (const id of unionOfIds(config.voters.incoming, config.voters.outgoing, config.learners)) {
    const known = draft.dropped.has(id) ? undefined : tracker.progress.get(id);
    const isLearner = draft.learners.has(id);
    if (known === undefined) {
      // Probing starts at the end of the log, which costs a rejection if it is too high, and nothing if it is right.
      progress.set(id, tracker.newProgress(Math.max(lastIndex, 1), isLearner));
    } else {
      known.isLearner = isLearner;
      progress.set(id, known);
    }
  }
  return { config, progress };
}

function checkInvariants(config: TrackerConfig): void {
  const { incoming, outgoing } = config.voters;
  for (const id of config.learners) {
    invariant(!incoming.includes(id) && !outgoing.includes(id), `raft: ${id} is both voter and learner`);
  }
  for (const id of config.learnersNext) {
    invariant(outgoing.includes(id) && !incoming.includes(id), `raft: ${id} is in learnersNext, but not outgoing`);
  }
  if (outgoing.length === 0) {
    invariant(config.learnersNext.length === 0, "raft: learnersNext in a non-joint configuration");
    invariant(!config.autoLeave, "raft: autoLeave in a non-joint configuration");
  }
}
