import { expect, test } from "@jest/globals";
import { SNAPSHOT_CHUNK_BYTES } from "../src/index.js";
import { allocation, evaluation, groups, job, plan, TestStore, uuid } from "./fixtures.js";

async function collect(store: TestStore): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.snapshotChunks()) chunks.push(chunk);
  return chunks;
}

function filled(): TestStore {
  const store = new TestStore();
  store.run("jobRegister", { job: job({ Meta: { text: "ü\n".repeat(200_000) } }), evaluation: evaluation() });
  store.run(
    "planApply",
    plan({ allocsPlaced: Array.from({ length: 500 }, (_, i) => allocation({ ID: uuid(i, "a") })) }),
  );
  store.run("jobRegister", { job: job({ TaskGroups: groups("h") }), evaluation: null });
  return store;
}

test("chunks are small, rows may be larger, and the restored state is the same", async () => {
  const store = filled();
  const chunks = await collect(store);
  expect(chunks.length).toBeGreaterThan(3);
  for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(SNAPSHOT_CHUNK_BYTES);
  const copy = new TestStore();
  await copy.restore(chunks);
  expect(copy.hash()).toBe(store.hash());
  expect(copy.appliedIndex).toBe(3);
  expect(copy.get("allocations", uuid(1, "a"))?.Job.Version).toBe(0);
  expect(copy.get("allocations", uuid(1, "a"))?.Job).toBe([...copy.scan("jobVersions")][0]);
});

test("chunks may be cut anywhere", async () => {
  const store = new TestStore();
  store.run("jobRegister", { job: job({ Meta: { text: "ü" } }), evaluation: evaluation() });
  const [chunk] = (await collect(store)) as [Uint8Array];
  const copy = new TestStore();
  await copy.restore(Array.from(chunk, (byte) => Uint8Array.of(byte)));
  expect(copy.hash()).toBe(store.hash());
});

test("is of the moment it was asked for, and entries may be applied meanwhile", async () => {
  const store = filled();
  const expected = store.hash();
  const chunks = store.snapshotChunks();
  expect(chunks.index).toBe(3);
  const taken = [(await chunks.next()).value as Uint8Array];
  store.run("jobDeregister", { namespace: "default", jobID: "web", purge: true, evaluation: null, submitTimeNs: 1 });
  for await (const chunk of chunks) taken.push(chunk);
  const copy = new TestStore();
  await copy.restore(taken);
  expect(copy.hash()).toBe(expected);
});

test("what is cut short or foreign is refused and changes nothing", async () => {
  const chunks = await collect(filled());
  const copy = new TestStore();
  const before = copy.hash();
  await expect(copy.restore(chunks.slice(0, -1))).rejects.toThrow("cut short");
  await expect(copy.restore([new TextEncoder().encode("{}\n")])).rejects.toThrow("not a snapshot");
  await expect(copy.restore([new TextEncoder().encode('{"format":"steppe-state","version":99}\n')])).rejects.toThrow(
    "format 99",
  );
  expect(copy.hash()).toBe(before);
});

test("lets others run between slices", async () => {
  let yields = 0;
  const yieldNow = async (): Promise<void> => {
    yields++;
    await Promise.resolve();
  };
  const chunks = await collect(filled());
  await new TestStore({ yieldNow }).restore(chunks);
  expect(yields).toBeGreaterThanOrEqual(chunks.length);
});
