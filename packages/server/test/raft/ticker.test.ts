import { describe, expect, test } from "@jest/globals";
import type { Clock } from "@steppe/shared";

import { Ticker } from "../../src/raft/ticker.js";

/** A clock that only moves when told to; timers that have come due fire late, as after a stall. */
function manualClock() {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; fn: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, fn) => {
      const timer = { atMs: nowMs + delayMs, fn };
      timers.add(timer);
      return { clear: () => timers.delete(timer) };
    },
    every: () => ({ clear: () => {} }),
  };
  const advance = (ms: number): void => {
    nowMs += ms;
    for (const timer of [...timers]) {
      if (timer.atMs > nowMs || !timers.delete(timer)) continue;
      timer.fn();
    }
  };
  return { clock, advance };
}

describe("Ticker", () => {
  test("ticks by the clock, and makes up for what timers are late", () => {
    const { clock, advance } = manualClock();
    let ticks = 0;
    const ticker = new Ticker({ clock, tickMs: 50, limit: () => 2, onTick: () => ticks++ });
    ticker.start();
    for (let i = 0; i < 100; i++) advance(52);
    expect(ticks).toBe(104);
    ticker.stop();
    advance(500);
    expect(ticks).toBe(104);
  });

  test("after a stall ticks no more than allowed, and says what is missing until then", () => {
    const { clock, advance } = manualClock();
    let ticks = 0;
    let missedAtFirst = 0;
    let limit = 2;
    const ticker = new Ticker({
      clock,
      tickMs: 50,
      limit: () => {
        missedAtFirst = ticker.missed;
        return limit;
      },
      onTick: () => ticks++,
    });
    ticker.start();
    advance(1000);
    expect([ticks, missedAtFirst, ticker.missed]).toEqual([2, 0, 0]);
    limit = 10;
    advance(1000);
    expect(ticks).toBe(12);
  });
});
