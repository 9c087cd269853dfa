import { describe, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import { Turns } from "../../src/http/turns.js";

describe("turns of the event loop", () => {
  test("all who work in one turn share its end; the next one has its own", async () => {
    let nowMs = 1000;
    const turns = new Turns({ ...systemClock, monotonicMs: () => nowMs });
    const first = turns.untilMs();
    nowMs += 50;
    expect(turns.untilMs()).toBe(first);
    await turns.next();
    expect(turns.untilMs()).toBeGreaterThan(nowMs);
  });

  test("those who came first get on first, a few in each turn", async () => {
    const turns = new Turns(systemClock);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        await turns.next();
        order.push(n);
        if (n === 0) {
          // Whoever comes back queues up behind those who wait.
          await turns.next();
          order.push(100);
        }
      }),
    );
    expect(order.slice(0, 3)).toEqual([0, 1, 2]);
    expect(order.at(-1)).toBe(100);
  });
});
