import { describe, expect, test } from "@jest/globals";
import { Inflights } from "../src/inflights.js";
import { Progress } from "../src/progress.js";

describe("Inflights", () => {
  test("is limited by messages, and grows and wraps in between", () => {
    const inflights = new Inflights(20, Infinity);
    for (let index = 1; index <= 20; index++) inflights.add(index, 10);
    expect(inflights.full).toBe(true);
    inflights.freeUpTo(15);
    for (let index = 21; index <= 35; index++) inflights.add(index, 10);
    expect([inflights.count, inflights.full]).toEqual([20, true]);
    inflights.freeUpTo(34);
    expect(inflights.count).toBe(1);
    inflights.freeUpTo(35);
    expect(inflights.count).toBe(0);
  });

  test("is limited by bytes, which the last message may exceed", () => {
    const inflights = new Inflights(20, 100);
    inflights.add(1, 60);
    expect(inflights.full).toBe(false);
    inflights.add(2, 60);
    expect(inflights.full).toBe(true);
    inflights.freeUpTo(1);
    expect(inflights.full).toBe(false);
  });
});

describe("Progress", () => {
  const fresh = (next: number): Progress => new Progress(next, false, new Inflights(3, Infinity), true);

  test("probes one message at a time", () => {
    const progress = fresh(5);
    progress.sentEntries(2, 10);
    expect([progress.paused, progress.next]).toEqual([true, 5]);
    expect(progress.maybeDecrementTo(3, 1)).toBe(false);
    expect(progress.maybeDecrementTo(4, 1)).toBe(true);
    expect([progress.paused, progress.next]).toEqual([false, 2]);
  });

  test("replicates ahead until the window is full", () => {
    const progress = fresh(1);
    progress.becomeReplicate();
    for (let i = 0; i < 3; i++) progress.sentEntries(2, 10);
    expect([progress.paused, progress.next]).toEqual([true, 7]);
    expect(progress.maybeUpdate(2)).toBe(true);
    progress.inflights.freeUpTo(2);
    expect(progress.paused).toBe(false);
    expect(progress.maybeUpdate(1)).toBe(false);
    expect(progress.maybeDecrementTo(2, 0)).toBe(false);
    expect(progress.maybeDecrementTo(6, 0)).toBe(true);
    expect(progress.next).toBe(3);
  });

  test("goes on after a snapshot, or before it if it failed", () => {
    const progress = fresh(5);
    progress.becomeSnapshot(20);
    expect([progress.paused, progress.next]).toEqual([true, 21]);
    progress.becomeProbe();
    expect(progress.next).toBe(21);
    progress.becomeSnapshot(20);
    progress.pendingSnapshot = 0;
    progress.becomeProbe();
    expect(progress.next).toBe(1);
  });
});
