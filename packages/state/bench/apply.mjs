// What applying costs, in microseconds per entry and megabytes of heap. Run after `npx tsc -b packages/state`:
//   node --expose-gc packages/state/bench/apply.mjs
import { jobKey, encodeCommand, StateStore } from "../dist/index.js";
import { evaluation, allocation, job, uuid } from "./rows.mjs";

const megabytes = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
};

/**
 * Applies the commands one by one and prints the cost of one: the median and the best of batches of 100, because a busy machine tells more
 * about itself than about the code.
 */
function measure(name, count, makeEntry, { store = new StateStore(), warmUp = 2000, batch = 100 } = {}) {
  const first = store.appliedIndex + 1;
  const entries = Array.from({ length: count + warmUp }, (_, i) => ({ index: first + i, term: 1, data: makeEntry(i) }));
  for (const entry of entries.slice(0, warmUp)) store.apply([entry]);
  const batches = [];
  for (let at = warmUp; at < entries.length; at += batch) {
    const start = process.hrtime.bigint();
    for (let i = at; i < at + batch; i++) {
      const [result] = store.apply([entries[i]]);
      if (result instanceof Error) throw result;
    }
    batches.push(Number(process.hrtime.bigint() - start) / 1000 / batch);
  }
  batches.sort((a, b) => a - b);
  const text = (micros) => micros.toFixed(1).padStart(7);
  console.log(
    `${name.padEnd(50)} ${text(batches[batches.length >> 1])} us, best ${text(batches[0])} us   (${entries.at(-1).data.length} bytes)`,
  );
  return store;
}

const registration = (i) => {
  const row = job(`job-${i}`);
  return encodeCommand("jobRegister", { job: row, evaluation: evaluation(row, i) });
};

{
  const before = megabytes();
  const store = measure("jobRegister, new jobs", 10_000, registration, { warmUp: 0 });
  const heap = megabytes() - before;
  console.log(`10,000 jobs, summaries and evaluations: ${heap.toFixed(1)} MB of heap`);
  measure("jobRegister, the same again (identical)", 8000, registration, { store });
  measure(
    "jobRegister, a new version of each",
    8000,
    (i) => {
      const row = job(`job-${i}`);
      row.Priority = 60;
      return encodeCommand("jobRegister", { job: row, evaluation: evaluation(row, 100_000 + i) });
    },
    { store },
  );

  const place = (i, jobID) => {
    const row = store.get("jobs", jobKey("default", jobID));
    const evalRow = evaluation(row, 200_000 + i);
    return {
      evalID: evalRow.ID,
      snapshotIndex: store.appliedIndex,
      allocsPlaced: [allocation(row, i)],
      allocsUpdated: [],
      deployment: null,
      deploymentUpdates: [],
      evaluations: [{ ...evalRow, Status: "complete", QueuedAllocations: { g: 0 } }],
    };
  };
  measure(
    "planApply, 1 allocation of a job of its own",
    8000,
    (i) => encodeCommand("planApply", { plans: [place(i, `job-${i}`)] }),
    { store },
  );
  measure(
    "planApply, 1 allocation, all of one job",
    8000,
    (i) => encodeCommand("planApply", { plans: [place(50_000 + i, "job-0")] }),
    { store },
  );
  measure(
    "planApply, 16 plans in one entry (per entry)",
    400,
    (i) =>
      encodeCommand("planApply", {
        plans: Array.from({ length: 16 }, (_, n) => place(100_000 + i * 16 + n, `job-${n}`)),
      }),
    { store, warmUp: 50, batch: 10 },
  );
  measure(
    "allocClientUpdate, 1 allocation",
    8000,
    (i) =>
      encodeCommand("allocClientUpdate", {
        allocs: [
          {
            ID: uuid(i, "a"),
            ClientStatus: "running",
            ClientDescription: "Tasks are running",
            TaskStates: {
              t: {
                State: "running",
                Failed: false,
                Restarts: 0,
                LastRestart: null,
                StartedAt: "2026-11-22T05:44:45Z",
                FinishedAt: null,
                Events: [],
              },
            },
          },
        ],
        evaluations: [],
        nowNs: 1795326285568146200,
      }),
    { store },
  );
  let views = 0;
  measure("the same with a snapshot view before each", 8000, (i) => (views++, registration(300_000 + i)), {
    store: withViews(store),
  });

  let slowest = 0;
  let chunks = 0;
  let bytes = 0;
  const iterator = store.snapshotChunks();
  const start = process.hrtime.bigint();
  for (;;) {
    const sliceStart = process.hrtime.bigint();
    const step = await iterator.next();
    slowest = Math.max(slowest, Number(process.hrtime.bigint() - sliceStart) / 1e6);
    if (step.done) break;
    chunks++;
    bytes += step.value.length;
  }
  console.log(
    `snapshot: ${chunks} chunks, ${(bytes / 1e6).toFixed(1)} MB in ${(Number(process.hrtime.bigint() - start) / 1e6).toFixed(0)} ms, slowest slice ${slowest.toFixed(1)} ms`,
  );
  console.log(`hash: ${timed(() => store.hash())} ms, again ${timed(() => store.hash())} ms`);
}

{
  const store = new StateStore();
  store.apply([{ index: 1, term: 1, data: encodeCommand("jobRegister", { job: job("one"), evaluation: null }) }]);
  let woken = 0;
  const watchAll = () => {
    for (let i = 0; i < 5000; i++)
      store.watch([`jobs\0=\0${jobKey("default", "one")}`, "jobSummaries\0=\0x"], () => woken++);
  };
  console.log(`5,000 watchers: added in ${timed(watchAll)} ms`);
  const other = encodeCommand("jobRegister", { job: job("two"), evaluation: null });
  console.log(
    `write to another job: ${timed(() => store.apply([{ index: 2, term: 1, data: other }]))} ms, ${woken} woken`,
  );
  const same = encodeCommand("jobStability", { namespace: "default", jobID: "one", version: 0, stable: true });
  console.log(
    `write to the watched job: ${timed(() => store.apply([{ index: 3, term: 1, data: same }]))} ms, ${woken} woken`,
  );
}

{
  const store = new StateStore();
  store.apply([{ index: 1, term: 1, data: encodeCommand("jobRegister", { job: job("big"), evaluation: null }) }]);
  const row = store.get("jobs", jobKey("default", "big"));
  const allocs = Array.from({ length: 10_000 }, (_, i) => allocation(row, i));
  const plan = (from, to) => ({
    evalID: "e",
    snapshotIndex: 1,
    allocsPlaced: allocs.slice(from, to),
    allocsUpdated: [],
    deployment: null,
    deploymentUpdates: [],
    evaluations: [],
  });
  const entries = Array.from({ length: 40 }, (_, i) => ({
    index: 2 + i,
    term: 1,
    data: encodeCommand("planApply", { plans: [plan(i * 250, i * 250 + 250)] }),
  }));
  const before = megabytes();
  const costs = entries.map((entry) => Number(timed(() => store.apply([entry]))));
  console.log(
    `10,000 allocations of one job in 40 entries: ${costs.reduce((a, b) => a + b).toFixed(0)} ms, slowest entry ${Math.max(...costs)} ms, ${(megabytes() - before).toFixed(1)} MB of heap`,
  );
}

function timed(run) {
  const start = process.hrtime.bigint();
  run();
  return (Number(process.hrtime.bigint() - start) / 1e6).toFixed(1);
}

function withViews(store) {
  return {
    get appliedIndex() {
      return store.appliedIndex;
    },
    apply: (entries) => (store.snapshotView(), store.apply(entries)),
  };
}
