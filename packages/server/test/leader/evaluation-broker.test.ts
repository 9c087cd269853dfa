import { expect, test } from "@jest/globals";
import { seededRandom } from "@steppe/shared";
import type { Evaluation } from "@steppe/structs";
import { EvaluationBroker } from "../../src/leader/index.js";
import { makeEvaluation } from "../../../scheduler/test/fixtures.js";
import { makeJob, ManualClock } from "./fixtures.js";

const random = seededRandom(3);
let index = 0;

function evaluation(jobID: string, fields: Partial<Evaluation> = {}): Evaluation {
  return { ...makeEvaluation(random, makeJob({ id: jobID })), CreateIndex: ++index, ...fields };
}

function broker(clock = new ManualClock()): EvaluationBroker {
  return new EvaluationBroker(clock, () => undefined);
}

test("hands out by priority, then by age", () => {
  const queue = broker();
  const [low, high, older] = [
    evaluation("a", { Priority: 10 }),
    evaluation("b", { Priority: 90 }),
    evaluation("c", { Priority: 90 }),
  ];
  for (const each of [low, high, older]) queue.enqueue(each);
  expect(queue.take(2)).toEqual([high, older]);
  expect(queue.take(2)).toEqual([low]);
  expect(queue.readyCount).toBe(0);
});

test("one evaluation of a job at a time; then the newest runs and the others are superseded", () => {
  const queue = broker();
  const [first, second, third] = [evaluation("a"), evaluation("a"), evaluation("a")];
  for (const each of [first, third, second]) queue.enqueue(each);
  expect(queue.take(10)).toEqual([first]);
  expect(queue.ack(first)).toEqual([second]);
  expect(queue.take(10)).toEqual([third]);
  expect(queue.ack(third)).toEqual([]);
  expect(queue.size).toBe(0);
});

test("takes no evaluation twice", () => {
  const queue = broker();
  const one = evaluation("a");
  queue.enqueue(one);
  queue.enqueue(one);
  expect(queue.take(10)).toEqual([one]);
  queue.enqueue(one);
  expect(queue.ack(one)).toEqual([]);
  expect(queue.readyCount).toBe(0);
});

test("one that fails comes again after a pause, three times at most", () => {
  const clock = new ManualClock();
  const queue = broker(clock);
  const one = evaluation("a");
  queue.enqueue(one);
  queue.take(1);
  expect(queue.nack(one)).toBe("retried");
  expect(queue.take(1)).toEqual([]);
  clock.advance(1000);
  expect(queue.take(1)).toEqual([one]);
  expect(queue.nack(one)).toBe("retried");
  clock.advance(20_000);
  expect(queue.take(1)).toEqual([one]);
  expect(queue.nack(one)).toBe("exhausted");
});

test("keeps back what is to wait, and others of its job meanwhile run", () => {
  const clock = new ManualClock();
  const queue = broker(clock);
  const later = evaluation("a", { WaitUntil: new Date(clock.nowMs() + 30_000).toISOString() });
  const now = evaluation("a");
  queue.enqueue(later);
  queue.enqueue(now);
  expect(queue.take(10)).toEqual([now]);
  queue.ack(now);
  clock.advance(29_000);
  expect(queue.take(10)).toEqual([]);
  clock.advance(1000);
  expect(queue.take(10)).toEqual([later]);
});
