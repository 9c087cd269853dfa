import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Entry, EntryType } from "raft-ts";

import { EntryTail } from "../src/entry-tail.js";

const entry = (index: number, size = 8): Entry => ({
  index,
  term: 1,
  type: EntryType.normal,
  data: Buffer.alloc(size),
});

describe("EntryTail", () => {
  test("behaves as an array that forgets its front", () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 60 }) }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant("truncate" as const), count: fc.integer({ min: 0, max: 40 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("drop" as const), count: fc.integer({ min: 0, max: 90 }) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const tail = new EntryTail(136 * 50, 1);
        let next = 1;
        let first = 1;
        for (const { do: kind, count } of actions) {
          if (kind === "push") for (let i = 0; i < count; i++) tail.push(entry(next++));
          else if (kind === "truncate") tail.truncateFrom((next = Math.max(1, next - count)));
          else tail.dropThrough(first + count);
          if (kind === "push") first = Math.max(first, next - 50);
          if (kind === "truncate") first = Math.min(first, next);
          if (kind === "drop") next = Math.max(next, (first = first + count + 1));
          expect([tail.firstIndex, tail.nextIndex]).toEqual([first, next]);
          expect(tail.get(first - 1)).toBeUndefined();
          expect(tail.get(next)).toBeUndefined();
          for (let index = first; index < next; index++) expect(tail.get(index)!.index).toBe(index);
        }
      }),
    );
  });

  test("keeps the newest entry, however large", () => {
    const tail = new EntryTail(100, 5);
    tail.push(entry(5, 1000));
    expect(tail.get(5)).toBeDefined();
    tail.push(entry(6, 1000));
    expect([tail.firstIndex, tail.nextIndex]).toEqual([6, 7]);
  });
});
