import { expect, test } from "@jest/globals";
import { canonicalizeJob, deepEqual, jobSpecEqual } from "../src/index.js";

const input = {
  ID: "a",
  Meta: { x: "1", y: "2" },
  TaskGroups: [{ Name: "g", Tasks: [{ Name: "t", Config: { a: [1, { b: 2 }] } }] }],
};

test("indexes, status and submit time are no change", () => {
  const a = canonicalizeJob(input, { nowNs: 1 });
  const b = { ...canonicalizeJob(input, { nowNs: 2 }), Version: 4, Status: "running", ModifyIndex: 9, Stable: true };
  expect(jobSpecEqual(a, b)).toBe(true);
});

test("anything else is", () => {
  const a = canonicalizeJob(input);
  expect(jobSpecEqual(a, canonicalizeJob({ ...input, Priority: 51 }))).toBe(false);
  expect(jobSpecEqual(a, canonicalizeJob({ ...input, Meta: { x: "1" } }))).toBe(false);
  expect(jobSpecEqual(a, { ...a, Stop: true })).toBe(false);
});

test("the order of keys does not count, that of lists does", () => {
  expect(deepEqual({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
  expect(deepEqual({ b: [1, 2] }, { b: [2, 1] })).toBe(false);
  expect(deepEqual({ a: undefined }, {})).toBe(true);
  expect(deepEqual({}, { a: null })).toBe(false);
});
