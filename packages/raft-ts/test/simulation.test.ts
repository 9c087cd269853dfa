import { describe, expect, test } from "@jest/globals";
import { Simulation, type SimulationOptions } from "./simulation.js";

const runs = Number(process.env["RAFT_SIMULATIONS"] ?? 6);
const firstSeed = Number(process.env["RAFT_SEED"] ?? 1);

const variants: Record<string, Partial<SimulationOptions>> = {
  "a fixed membership": {},
  "asynchronous storage": { asyncStorageWrites: true },
  "changing members": { changeMembers: true },
  "changing members, asynchronous storage": { changeMembers: true, asyncStorageWrites: true },
  "leases and paused processes": { leaderLease: true },
  "leases and changing members": { leaderLease: true, changeMembers: true, asyncStorageWrites: true },
  "a lossy network": { lossPercent: 25 },
};

describe("a cluster in trouble keeps its promises", () => {
  for (const [name, variant] of Object.entries(variants)) {
    test(name, () => {
      const total = { applied: 0, elections: 0, reads: 0, leaseReads: 0, crashes: 0, snapshots: 0, changes: 0 };
      for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
        const simulation = new Simulation({
          seed,
          nodes: variant.changeMembers === true ? 5 : 3 + (seed % 3),
          voters: 3,
          steps: 6_000,
          lossPercent: 4,
          asyncStorageWrites: false,
          preVote: seed % 4 < 2,
          leaderLease: false,
          changeMembers: false,
          crashes: true,
          ...variant,
        });
        try {
          simulation.run();
        } catch (error) {
          throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
        for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += simulation.counts[key];
      }
      if (process.env["RAFT_VERBOSE"] !== undefined) console.info(name, total);
      // A run in which nothing happens proves nothing.
      expect(total.applied).toBeGreaterThan(runs * 300);
      expect(total.elections).toBeGreaterThan(runs);
      expect(total.reads).toBeGreaterThan(runs);
      expect(total.crashes).toBeGreaterThan(runs);
      if (variant.leaderLease === true) expect(total.leaseReads).toBeGreaterThan(runs * 20);
      if (variant.changeMembers === true) expect(total.changes).toBeGreaterThan(runs * 5);
    });
  }
});
