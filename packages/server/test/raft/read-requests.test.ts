import { describe, expect, test } from "@jest/globals";

import { ReadRequests } from "../../src/raft/read-requests.js";

/** Which of the promises are settled, and how. */
async function outcomes(promises: Promise<void>[]): Promise<string[]> {
  const states = promises.map(() => "waiting");
  promises.forEach((promise, i) =>
    promise.then(
      () => (states[i] = "done"),
      (error: Error & { code: string }) => (states[i] = error.code),
    ),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return states;
}

describe("ReadRequests", () => {
  test("one request serves all that waited, and none that came later", async () => {
    const reads = new ReadRequests("p");
    const early = [reads.wait(0), reads.wait(0)];
    const context = reads.next(0)!;
    const late = reads.wait(1);
    expect(reads.next(1)).toBeUndefined();
    reads.confirmed("other", 5, 9);
    reads.confirmed(context, 5, 9);
    expect(await outcomes([...early, late])).toEqual(["done", "done", "waiting"]);
    const second = reads.next(1)!;
    expect(second).not.toBe(context);
    reads.confirmed(second, 7, 6);
    expect(await outcomes([late])).toEqual(["waiting"]);
    reads.advance(7);
    expect(await outcomes([late])).toEqual(["done"]);
  });

  test("asks again when no answer comes, and does not take the old one", async () => {
    const reads = new ReadRequests("p");
    const read = reads.wait(0);
    const first = reads.next(0)!;
    const second = reads.next(301)!;
    expect(second).not.toBe(first);
    reads.confirmed(first, 1, 1);
    expect(await outcomes([read])).toEqual(["waiting"]);
    reads.expire(4999);
    expect(await outcomes([read])).toEqual(["waiting"]);
    reads.expire(5000);
    expect(await outcomes([read])).toEqual(["noLeader"]);
  });

  test("waits for entries, in any order", async () => {
    const reads = new ReadRequests("p");
    const waits = [reads.waitApplied(9, 0), reads.waitApplied(3, 0)];
    reads.advance(5);
    expect(await outcomes(waits)).toEqual(["waiting", "done"]);
    reads.expire(100_000);
    expect(await outcomes(waits)).toEqual(["waiting", "done"]);
  });
});
