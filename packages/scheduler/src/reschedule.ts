import type { Allocation, RescheduleEvent, ReschedulePolicy, RescheduleTracker } from "@steppe/structs";
import { parseTimestampMs, timestampNs } from "./timestamps.js";

const NS_PER_MS = 1e6;
/** An allocation whose time comes within this is rescheduled at once rather than by another evaluation. */
const RESCHEDULE_WINDOW_MS = 1000;
/** How many past events a tracker keeps where attempts are unlimited. */
const MAX_PAST_EVENTS = 5;

export type RescheduleDecision =
  { readonly kind: "never" } | { readonly kind: "now" } | { readonly kind: "later"; readonly atMs: number };

/** Whether and when a failed allocation is replaced. `evalID` is the evaluation at work: it may be the one the allocation waits for. */
export function rescheduleDecision(
  alloc: Allocation,
  policy: ReschedulePolicy | null,
  nowMs: number,
  evalID: string,
): RescheduleDecision {
  if (alloc.DesiredTransition?.ForceReschedule) return { kind: "now" };
  if (!policy || (!policy.Unlimited && policy.Attempts === 0)) return { kind: "never" };
  const failedMs = failureTimeMs(alloc);
  const delayMs = nextDelayNs(alloc, policy, failedMs) / NS_PER_MS;
  if (!policy.Unlimited && recentAttempts(alloc, policy, failedMs) >= policy.Attempts) return { kind: "never" };
  const atMs = failedMs + delayMs;
  if (alloc.FollowupEvalID === evalID || atMs - nowMs <= RESCHEDULE_WINDOW_MS) return { kind: "now" };
  return { kind: "later", atMs };
}

/** When the last task of an allocation ended; the row's last change where the client did not say. */
export function failureTimeMs(alloc: Allocation): number {
  let latest = 0;
  for (const state of Object.values(alloc.TaskStates ?? {})) {
    const finishedMs = state.FinishedAt ? (parseTimestampMs(state.FinishedAt) ?? 0) : 0;
    if (finishedMs > latest) latest = finishedMs;
  }
  return latest || Math.round(alloc.ModifyTime / NS_PER_MS);
}

/** How many times the allocation's line was rescheduled within the policy's interval before the failure. */
function recentAttempts(alloc: Allocation, policy: ReschedulePolicy, failedMs: number): number {
  const sinceNs = failedMs * NS_PER_MS - policy.Interval;
  return events(alloc).filter((event) => event.RescheduleTime > sinceNs).length;
}

/** The wait before the next attempt: constant, doubled, or the sum of the last two, up to the policy's maximum. */
export function nextDelayNs(alloc: Allocation, policy: ReschedulePolicy, failedMs: number): number {
  const past = events(alloc);
  const last = past[past.length - 1];
  if (!last || policy.DelayFunction === "constant") return policy.Delay;
  const previous = past[past.length - 2];
  const grown = policy.DelayFunction === "fibonacci" ? fibonacciDelay(last, previous, policy) : last.Delay * 2;
  const delayNs = policy.MaxDelay > 0 ? Math.min(grown, policy.MaxDelay) : grown;
  // An allocation that ran for longer than the delay is healthy enough to begin anew.
  return failedMs * NS_PER_MS - last.RescheduleTime > delayNs ? policy.Delay : delayNs;
}

function fibonacciDelay(
  last: RescheduleEvent,
  previous: RescheduleEvent | undefined,
  policy: ReschedulePolicy,
): number {
  if (!previous) return policy.Delay;
  // After a reset the sequence begins anew: the last two delays are equal to the policy's.
  return last.Delay === policy.Delay && previous.Delay !== policy.Delay ? last.Delay : last.Delay + previous.Delay;
}

/** The tracker of the allocation that replaces a failed one. Old events are dropped once they no longer count. */
export function nextTracker(alloc: Allocation, policy: ReschedulePolicy | null, nowMs: number): RescheduleTracker {
  const nowNs = timestampNs(nowMs);
  const kept = !policy
    ? []
    : policy.Unlimited
      ? events(alloc).slice(-MAX_PAST_EVENTS)
      : events(alloc).filter((event) => nowNs - event.RescheduleTime <= policy.Interval);
  const event: RescheduleEvent = {
    RescheduleTime: nowNs,
    PrevAllocID: alloc.ID,
    PrevNodeID: alloc.NodeID,
    Delay: policy ? nextDelayNs(alloc, policy, failureTimeMs(alloc)) : 0,
  };
  return { Events: [...kept, event], LastReschedule: "ok" };
}

/** Nodes on which the allocation's line failed before. */
export function penalizedNodes(alloc: Allocation): ReadonlySet<string> {
  return new Set([alloc.NodeID, ...events(alloc).map((event) => event.PrevNodeID)]);
}

function events(alloc: Allocation): readonly RescheduleEvent[] {
  return alloc.RescheduleTracker?.Events ?? [];
}
