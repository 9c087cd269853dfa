import { evalTerminal, terminalStatus } from "@steppe/structs";
import type { JobCounts } from "./job-delta.js";
import { type Allocation, type Evaluation, jobKey } from "./rows.js";
import type { TableSet } from "./table-data.js";

/** 1 for an allocation that is not terminal, else 0. */
export const liveAlloc = (row: Allocation | undefined): number => (row && !terminalStatus(row) ? 1 : 0);
export const liveEval = (row: Evaluation | undefined): number => (row && !evalTerminal(row) ? 1 : 0);

/**
 * The counts per job from which its status follows, kept by differences: a change of one allocation costs the same in a job of 1 and of
 * 10,000. It is derived from the rows, so it is counted anew after a restart or a restore, and never stored.
 */
export class JobTally {
  private readonly counts = new Map<string, JobCounts>();

  get(key: string): Readonly<JobCounts> {
    return this.counts.get(key) ?? NONE;
  }

  /** Adds what a transaction changed. */
  add(deltas: ReadonlyMap<string, JobCounts>): void {
    for (const [key, delta] of deltas) {
      if (delta.allocs !== 0 || delta.liveAllocs !== 0 || delta.evals !== 0 || delta.liveEvals !== 0)
        this.addTo(key, delta);
    }
  }

  /** Counts all rows, in steps of bounded work. */
  static *of(live: TableSet): Generator<void, JobTally> {
    const tally = new JobTally();
    let steps = 0;
    for (const row of live.scan("allocations")) {
      const counts = { allocs: 1, liveAllocs: liveAlloc(row), evals: 0, liveEvals: 0 };
      tally.addTo(jobKey(row.Namespace, row.JobID), counts);
      if (++steps % 1000 === 0) yield;
    }
    for (const row of live.scan("evaluations")) {
      const counts = { allocs: 0, liveAllocs: 0, evals: 1, liveEvals: liveEval(row) };
      tally.addTo(jobKey(row.Namespace, row.JobID), counts);
      if (++steps % 1000 === 0) yield;
    }
    return tally;
  }

  private addTo(key: string, delta: JobCounts): void {
    const counts = this.counts.get(key);
    if (!counts) {
      this.counts.set(key, {
        allocs: delta.allocs,
        liveAllocs: delta.liveAllocs,
        evals: delta.evals,
        liveEvals: delta.liveEvals,
      });
      return;
    }
    counts.allocs += delta.allocs;
    counts.liveAllocs += delta.liveAllocs;
    counts.evals += delta.evals;
    counts.liveEvals += delta.liveEvals;
    if (counts.allocs === 0 && counts.evals === 0) this.counts.delete(key);
  }
}

const NONE: Readonly<JobCounts> = Object.freeze({ allocs: 0, liveAllocs: 0, evals: 0, liveEvals: 0 });
