import { describe, expect, test } from "@jest/globals";
import { evalTerminal, terminalStatus } from "@steppe/structs";
import fc from "fast-check";
import {
  type AppliedEntry,
  type CommandName,
  encodeCommand,
  type IndexOf,
  jobKey,
  MemoryRowStore,
  type PayloadOf,
  type ReadView,
  type TableName,
  tableNames,
  tables,
  tracked,
} from "../src/index.js";
import { allocation, deployment, evaluation, groups, job, node, plan, TestStore, uuid } from "./fixtures.js";

/** A step of a random history. Numbers choose among few jobs, nodes and allocations, so that steps meet each other's rows. */
interface Step {
  kind: string;
  a: number;
  b: number;
  flag: boolean;
}

const CLIENT_STATUSES = ["pending", "running", "complete", "failed", "lost", "unknown"];
const jobID = (number: number): string => `job-${number % 3}`;
/** Ids whose rows are of one job for good: which one follows from the number, as no row ever moves to another job. */
const evalID = (a: number, serial: number): string => uuid(serial * 3 + (a % 3), "e");
const childEvalID = (a: number, serial: number): string => uuid(1000 + serial * 12 + a, "e");
const allocNumber = (a: number, number: number): number => (number % 4) * 3 + (a % 3);
const rolloutID = (a: number): string => uuid(a % 6, "b");
const step = (kinds: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constantFrom(...kinds), a: fc.nat(11), b: fc.nat(11), flag: fc.boolean() });

type Build = (s: Step, serial: number) => { [N in CommandName]: [N, PayloadOf<N>] }[CommandName];

/** How a step becomes a command. `serial` makes new ids. */
const builders: Record<string, Build> = {
  register: ({ a, b, flag }, serial) => {
    const row = job({ ID: jobID(a), Priority: 50 + (b % 2), TaskGroups: groups(...(flag ? ["g"] : ["g", "h"])) });
    return ["jobRegister", { job: row, evaluation: evaluation({ ID: evalID(a, serial), JobID: row.ID }) }];
  },
  child: ({ a }, serial) => {
    const row = job({ ID: `${jobID(a)}/dispatch-${a}`, ParentID: jobID(a), Type: "batch" });
    return ["jobRegister", { job: row, evaluation: evaluation({ ID: childEvalID(a, serial), JobID: row.ID }) }];
  },
  deregister: ({ a, b, flag }, serial) => {
    const row = evaluation({ ID: evalID(a, serial), JobID: jobID(a) });
    return [
      "jobDeregister",
      { namespace: "default", jobID: jobID(a), purge: flag && b < 3, evaluation: row, submitTimeNs: b },
    ];
  },
  place: ({ a, b, flag }, serial) => {
    const rollout = flag ? deployment({ ID: rolloutID(a), JobID: jobID(a) }) : null;
    const placed = Array.from({ length: 1 + (b % 3) }, (_, i) => {
      const number = allocNumber(a, serial + i);
      return allocation({
        ID: uuid(number, "a"),
        JobID: jobID(a),
        EvalID: evalID(a, serial),
        NodeID: uuid(Math.floor(number / 3) % 3, "d"),
        TaskGroup: number % 2 ? "g" : "h",
        ...(rollout ? { DeploymentID: rollout.ID } : {}),
      });
    });
    const queued = { g: b % 4 };
    const ended = evaluation({ ID: evalID(a, serial), JobID: jobID(a), Status: "complete", QueuedAllocations: queued });
    return ["planApply", plan({ allocsPlaced: placed, deployment: rollout, evaluations: [ended] })];
  },
  stop: ({ a, flag }) => {
    const status = flag ? { ClientStatus: "lost" } : {};
    return ["planApply", plan({ allocsUpdated: [{ ID: uuid(a, "a"), DesiredStatus: "stop", ...status }] })];
  },
  client: ({ a, b, flag }) => {
    const status = {
      ID: uuid(a, "a"),
      ClientStatus: CLIENT_STATUSES[b % 6] as string,
      ClientDescription: "",
      TaskStates: null,
    };
    const health = { Healthy: flag, Timestamp: "2026-11-22T05:44:47Z", Canary: false, ModifyIndex: 0 };
    return [
      "allocClientUpdate",
      { allocs: [b > 5 ? { ...status, DeploymentStatus: health } : status], evaluations: [], nowNs: b },
    ];
  },
  evaluate: ({ a, b }) => {
    const status = ["pending", "blocked", "complete", "canceled", "failed"][b % 5] as string;
    return [
      "evalUpsert",
      { evaluations: [evaluation({ ID: uuid(a, "e"), JobID: jobID(a), Status: status, QueuedAllocations: { g: b } })] },
    ];
  },
  transition: ({ a }) => ["allocDesiredTransition", { allocs: { [uuid(a, "a")]: { Migrate: true } }, evaluations: [] }],
  node: ({ a, b }) => [
    "nodeRegister",
    { node: node({ ID: uuid(a % 3, "d"), NodePool: `pool-${b % 2}` }), nowMs: b * 1000, evaluations: [] },
  ],
  rollout: ({ a, b }) => {
    const status = ["running", "successful", "failed"][b % 3] as string;
    return [
      "deploymentStatusUpdate",
      { update: { DeploymentID: rolloutID(a), Status: status, StatusDescription: "" }, nowNs: b },
    ];
  },
  stable: ({ a, b, flag }) => ["jobStability", { namespace: "default", jobID: jobID(a), version: b % 3, stable: flag }],
  collectAllocs: ({ a, b }) => ["evalDelete", { evalIDs: [uuid(b, "e")], allocIDs: [uuid(a, "a")] }],
  collectJobs: ({ a }) => ["jobsGarbageCollect", { jobs: [{ namespace: "default", jobID: jobID(a) }] }],
  collectRollouts: ({ a }) => ["deploymentDelete", { ids: [rolloutID(a)] }],
  reconcile: () => ["reconcileSummaries", {}],
};

function entryOf(s: Step, index: number): AppliedEntry {
  const [name, payload] = (builders[s.kind] as Build)(s, index);
  return { index, term: 1, data: encodeCommand(name, payload as never) };
}

const history = (kinds = Object.keys(builders)): fc.Arbitrary<Step[]> =>
  fc.array(step(kinds), { minLength: 5, maxLength: 60 });

describe("replay", () => {
  test("from a flush and from a snapshot at any point gives the same state", async () => {
    await fc.assert(
      fc.asyncProperty(history(), fc.array(fc.nat(59), { maxLength: 6 }), async (steps, marks) => {
        const reference = new TestStore();
        const rowStore = new MemoryRowStore();
        let follower = new TestStore({ rowStore });
        let restored = new TestStore();
        const entries = steps.map((each, i) => entryOf(each, i + 1));
        for (const [i, entry] of entries.entries()) {
          const results = [reference, follower, restored].map((store) => store.apply([entry])[0]);
          expect(String(results[1])).toBe(String(results[0]));
          if (!marks.includes(i)) continue;
          // A flush, then entries that only memory sees, then a restart: the log from the durable index on is applied again.
          if (i % 2 === 0) await follower.flush();
          follower = new TestStore({ rowStore });
          await follower.load();
          follower.apply(entries.slice(0, i + 1));
          const next = new TestStore();
          await next.restore(restored.snapshotChunks());
          restored = next;
          expect(follower.hash()).toBe(reference.hash());
        }
        expect([follower.hash(), restored.hash()]).toEqual([reference.hash(), reference.hash()]);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

describe("after any history", () => {
  test("indexes hold exactly the rows, in order", () => {
    fc.assert(
      fc.property(history(), (steps) => {
        const store = new TestStore();
        for (const [i, each] of steps.entries()) store.apply([entryOf(each, i + 1)]);
        for (const table of tableNames) checkIndexes(store, table);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("job status is what all its rows say, and summaries are what a recount gives", () => {
    const kinds = Object.keys(builders).filter((kind) => kind !== "collectAllocs" && kind !== "reconcile");
    fc.assert(
      fc.property(history(kinds), (steps) => {
        const store = new TestStore();
        for (const [i, each] of steps.entries()) {
          store.apply([entryOf(each, i + 1)]);
          for (const row of store.scan("jobs")) checkStatus(store, row.Namespace, row.ID);
        }
        const summaries = (): unknown =>
          [...store.scan("jobSummaries")].map(({ JobID, Summary, Children }) => ({ JobID, Summary, Children }));
        const before = withoutOldGroups(store, summaries());
        store.run("reconcileSummaries", {});
        expect(withoutOldGroups(store, summaries())).toEqual(before);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test("allocations have the row of the version they were placed from", () => {
    fc.assert(
      fc.property(history(), (steps) => {
        const store = new TestStore();
        for (const [i, each] of steps.entries()) store.apply([entryOf(each, i + 1)]);
        const referred = new Set(
          [...store.scan("allocations")].map(({ Job }) => `${Job.ID} ${Job.CreateIndex} ${Job.Version}`),
        );
        for (const kept of store.scan("allocJobs"))
          expect(referred).toContain(`${kept.ID} ${kept.CreateIndex} ${kept.Version}`);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

function checkIndexes(store: TestStore, table: TableName): void {
  const rows = [...store.scan(table)] as { ID: string }[];
  for (const [name, spec] of Object.entries(
    tables[table].indexes as Record<string, { value(row: unknown): string | undefined }>,
  )) {
    const index = name as IndexOf<typeof table>;
    const valued = rows.flatMap((row) =>
      spec.value(row) === undefined ? [] : [{ value: spec.value(row) as string, row }],
    );
    for (const { value } of valued) {
      const expected = valued.filter((each) => each.value === value).map((each) => each.row);
      expect(store.byIndex(table, index, value)).toEqual(expected);
    }
    const inOrder = [...valued].sort((x, y) => (x.value < y.value ? -1 : x.value > y.value ? 1 : 0));
    expect([...store.scanIndex(table, index)]).toEqual(inOrder.map((each) => each.row));
  }
}

function checkStatus(store: TestStore, namespace: string, id: string): void {
  const key = jobKey(namespace, id);
  const status = store.get("jobs", key)?.Status;
  const allocs = store.byIndex("allocations", "byJob", key);
  const evals = store.byIndex("evaluations", "byJob", key);
  if (allocs.some((row) => !terminalStatus(row))) expect(status).toBe("running");
  else if (evals.some((row) => !evalTerminal(row))) expect(status).toBe("pending");
  else if (allocs.length + evals.length > 0) expect(status).toBe("dead");
}

/** Groups that a job has no more are dropped by a recount unless allocations are left in them: compare those that it has. */
function withoutOldGroups(store: ReadView, summaries: unknown): unknown {
  return (summaries as { JobID: string; Summary: Record<string, unknown>; Children: unknown }[]).map(
    ({ JobID, Summary, Children }) => {
      const names = store.get("jobs", jobKey("default", JobID))?.TaskGroups.map((group) => group.Name) ?? [];
      return { JobID, Children, groups: names.map((name) => [name, Summary[name]]) };
    },
  );
}

describe("views", () => {
  test("a snapshot does not change while writes go on", () => {
    fc.assert(
      fc.property(history(), fc.nat(59), (steps, mark) => {
        const store = new TestStore();
        const dump = (view: ReadView): string =>
          JSON.stringify(
            tableNames.map((table) => [table, view.count(table), view.tableIndex(table), [...view.scan(table)]]),
          );
        let view = store.snapshotView();
        let expected = dump(view);
        for (const [i, each] of steps.entries()) {
          store.apply([entryOf(each, i + 1)]);
          if (i !== mark) continue;
          view = store.snapshotView();
          expected = dump(store);
        }
        expect(dump(view)).toBe(expected);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("a watcher wakes exactly when something that it read is different", () => {
    fc.assert(
      fc.property(history(), (steps) => {
        const store = new TestStore();
        for (const [i, each] of steps.entries()) {
          const waits = reads.map((read) => {
            const view = tracked(store);
            const before = read(view);
            const wait = { read, before, woken: false, stop: (): void => {} };
            wait.stop = store.watch(view.watchKeys, () => (wait.woken = true));
            return wait;
          });
          store.apply([entryOf(each, i + 1)]);
          for (const { read, before, woken, stop } of waits) {
            expect({ woken, step: each }).toEqual({ woken: !sameRows(before, read(store)), step: each });
            stop();
          }
        }
        expect(store.watcherCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

/** What handlers read: one row, one value, a table. */
const reads: ((view: ReadView) => unknown[])[] = [
  (view) => [view.get("jobs", jobKey("default", "job-0"))],
  (view) => [view.get("jobSummaries", jobKey("default", "job-1"))],
  (view) => [view.get("allocations", uuid(3, "a")), view.get("evaluations", uuid(2, "e"))],
  (view) => view.byIndex("allocations", "byJob", jobKey("default", "job-2")),
  (view) => view.byIndex("allocations", "byNode", uuid(1, "d")),
  (view) => view.byIndex("allocations", "byDeployment", uuid(1, "b")),
  (view) => view.byIndex("evaluations", "byJob", jobKey("default", "job-0")),
  (view) => [...view.scan("deployments")],
  (view) => [...view.scan("jobs", { prefix: "default\0" })],
];

const sameRows = (a: unknown[], b: unknown[]): boolean => a.length === b.length && a.every((row, i) => row === b[i]);
