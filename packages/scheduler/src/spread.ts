import type { Job, Node, Spread, TaskGroup } from "@steppe/structs";
import { resolveTarget } from "./constraints.js";
import type { JobPlacements, PropertyCounter } from "./job-placements.js";

/** A target that takes all values not named by another one. */
const ANY_VALUE = "*";

interface SpreadRule {
  readonly spread: Spread;
  readonly counter: PropertyCounter;
  /** Desired allocations by value; empty for an even spread. */
  readonly desired: ReadonlyMap<string, number>;
}

/** How well a node serves the spreads of a job and a group. A node without the property is the worst choice. */
export class SpreadScorer {
  readonly #rules: readonly SpreadRule[];
  readonly #totalWeight: number;

  constructor(job: Job, group: TaskGroup, placements: JobPlacements) {
    const spreads = [...(group.Spreads ?? []), ...(job.Spreads ?? [])];
    this.#rules = spreads.map((spread) => ({
      spread,
      counter: placements.countProperty(spread.Attribute, group.Name),
      desired: desiredCounts(spread, group.Count),
    }));
    this.#totalWeight = spreads.reduce((sum, spread) => sum + spread.Weight, 0);
  }

  get active(): boolean {
    return this.#rules.length > 0 && this.#totalWeight > 0;
  }

  /** Above 0 where more allocations are wanted, below 0 where there are enough; 0 is neutral. */
  score(node: Node): number {
    let score = 0;
    for (const rule of this.#rules) {
      const value = resolveTarget(rule.spread.Attribute, node);
      if (value === undefined) score -= 1;
      else if (rule.desired.size === 0) score += evenScore(rule.counter, value);
      else score += targetScore(rule, value) * (rule.spread.Weight / this.#totalWeight);
    }
    return score;
  }
}

function desiredCounts(spread: Spread, count: number): Map<string, number> {
  const desired = new Map<string, number>();
  let rest = count;
  for (const target of spread.SpreadTarget ?? []) {
    const share = (target.Percent / 100) * count;
    desired.set(target.Value, share);
    rest -= share;
  }
  if (desired.size > 0 && rest > 0 && !desired.has(ANY_VALUE)) desired.set(ANY_VALUE, rest);
  return desired;
}

/** The share of a value's wanted allocations that would still be missing after this one. */
function targetScore(rule: SpreadRule, value: string): number {
  const desired = rule.desired.get(value) ?? rule.desired.get(ANY_VALUE);
  if (desired === undefined || desired === 0) return -1;
  const used = (rule.counter.counts.get(value) ?? 0) + 1;
  return (desired - used) / desired;
}

/** Compares a value's allocations with the least and most used values. */
function evenScore(counter: PropertyCounter, value: string): number {
  if (counter.counts.size === 0) return 0;
  const current = counter.counts.get(value) ?? 0;
  let least = Infinity;
  let most = 0;
  for (const count of counter.counts.values()) {
    if (count < least) least = count;
    if (count > most) most = count;
  }
  if (current < least) return least === 0 ? 0 : (least - current) / least;
  if (current > least) return least === 0 ? -1 : (least - current) / least;
  if (least === most) return -1;
  return least === 0 ? 1 : (most - least) / least;
}
