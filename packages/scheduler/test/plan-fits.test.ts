import { expect, test } from "@jest/globals";
import type { Allocation, Node } from "@steppe/structs";
import { planFits } from "../src/index.js";
import { makeJob, placed, TestState } from "./fixtures.js";

const NOTHING = { placed: [], stopped: new Set<string>() };

function setUp(): { state: TestState; node: Node; proposed: Allocation[] } {
  const state = new TestState();
  const node = state.addNode();
  const job = makeJob({ count: 2, cpu: 1500, group: { Networks: [{ Mode: "host", ReservedPorts: [] }] } });
  const proposed = placed(state.evaluate(state.register(job)).plan);
  return { state, node: state.store.get("nodes", node.ID) as Node, proposed };
}

test("counts what is there, what is proposed and what is on its way", () => {
  const { state, node, proposed } = setUp();
  expect(planFits(state.store, node, proposed, NOTHING)).toEqual({ ok: true });
  const third = { ...(proposed[0] as Allocation), ID: "third" };
  expect(planFits(state.store, node, [...proposed, third], NOTHING)).toEqual({ ok: false, reason: "cpu" });
  expect(planFits(state.store, node, [third], { placed: proposed, stopped: new Set() })).toEqual({
    ok: false,
    reason: "cpu",
  });
  const stopped = new Set([proposed[0]?.ID ?? ""]);
  expect(planFits(state.store, node, [third], { placed: proposed, stopped })).toEqual({ ok: true });
  // What is applied already and still said to be on its way counts once.
  state.settle(state.evaluation(makeJob()));
  const [first] = state.liveAllocs(makeJob());
  expect(
    planFits(state.store, node, [first as Allocation], { placed: state.liveAllocs(makeJob()), stopped: new Set() }).ok,
  ).toBe(true);
});

test("a node that is gone, down or not eligible takes nothing new", () => {
  const { state, node, proposed } = setUp();
  expect(planFits(state.store, undefined, proposed, NOTHING).ok).toBe(false);
  expect(planFits(state.store, { ...node, Status: "down" }, proposed, NOTHING).ok).toBe(false);
  expect(planFits(state.store, { ...node, SchedulingEligibility: "ineligible" }, proposed, NOTHING).ok).toBe(false);
});
