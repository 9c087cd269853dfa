import { beforeEach, expect, test } from "@jest/globals";
import { SCHEDULER_CONFIG_KEY, stateErrors } from "../../src/index.js";
import { evaluation, job, node, TestStore } from "../fixtures.js";

let store: TestStore;
beforeEach(() => {
  store = new TestStore();
});

const config = () =>
  store.get("schedulerConfig", SCHEDULER_CONFIG_KEY) as NonNullable<ReturnType<typeof store.get<"schedulerConfig">>>;

test("an empty cluster has its built-in rows, at index 1", () => {
  expect([...store.scan("namespaces")].map((row) => row.Name)).toEqual(["default"]);
  expect([...store.scan("nodePools")].map((row) => row.Name)).toEqual(["all", "default"]);
  expect(config()).toMatchObject({ SchedulerAlgorithm: "binpack", CreateIndex: 1, ModifyIndex: 1 });
  expect(store.appliedIndex).toBe(0);
});

test("schedulerConfigSet checks an index if asked", () => {
  expect(
    store.run("schedulerConfigSet", { config: { ...config(), SchedulerAlgorithm: "spread" }, checkIndex: 7 }, 9),
  ).toEqual({ index: 9, updated: false });
  expect(
    store.run("schedulerConfigSet", { config: { ...config(), SchedulerAlgorithm: "spread" }, checkIndex: 1 }),
  ).toEqual({ index: 10, updated: true });
  expect(config()).toMatchObject({ SchedulerAlgorithm: "spread", CreateIndex: 1, ModifyIndex: 10 });
});

test("namespaces and pools in use are not deleted", () => {
  const namespace = store.get("namespaces", "default");
  store.run("namespaceUpsert", { namespaces: [{ ...namespace, Name: "ns1" } as never] });
  store.run("jobRegister", { job: job({ Namespace: "ns1" }), evaluation: evaluation({ Namespace: "ns1" }) });
  expect(() => store.run("namespaceDelete", { names: ["ns1"] })).toThrow(
    'namespace "ns1" has non-terminal jobs in regions: [global]',
  );
  expect(() => store.run("namespaceDelete", { names: ["none"] })).toThrow(stateErrors.namespaceNotFound().message);
  store.run("evalUpsert", { evaluations: [evaluation({ Namespace: "ns1", Status: "complete" })] });
  store.run("namespaceDelete", { names: ["ns1"] });
  expect(store.get("namespaces", "ns1")).toBeUndefined();
  store.run("nodeRegister", { node: node({ NodePool: "gpu" }), nowMs: 1, evaluations: [] });
  expect(() => store.run("nodePoolDelete", { names: ["gpu"] })).toThrow("node pool");
  store.run("nodeDelete", { nodeIDs: [node().ID] });
  store.run("nodePoolDelete", { names: ["gpu"] });
  expect(store.count("nodePools")).toBe(2);
});

test("metaSet may leave what is there", () => {
  expect(store.run("metaSet", { key: "cluster", value: "a" }).value).toBe("a");
  expect(store.run("metaSet", { key: "cluster", value: "b", onlyIfMissing: true }).value).toBe("a");
  expect(store.get("meta", "cluster")).toMatchObject({ Value: "a", ModifyIndex: 1 });
});

test("an entry that a newer server wrote stops the process rather than being passed over", () => {
  expect(() => store.apply([{ index: 1, term: 1, data: Uint8Array.of(1, 0xff, 0xff, 0x7b, 0x7d) }])).toThrow(
    "Command 65535 is unknown",
  );
  expect(() => store.apply([{ index: 1, term: 1, data: Uint8Array.of(9, 0, 1, 0x7b, 0x7d) }])).toThrow(
    "format is unknown",
  );
});

test("entries are applied once, and empty ones only move the index", () => {
  const seen: number[] = [];
  store.subscribe((changes, index) => seen.push(index, changes.length));
  store.run("noop", {}, 3);
  expect(
    store.apply([
      { index: 3, term: 1, data: new Uint8Array() },
      { index: 5, term: 1, data: new Uint8Array() },
    ]),
  ).toEqual([undefined, undefined]);
  expect(store.appliedIndex).toBe(5);
  expect(seen).toEqual([3, 0]);
});
