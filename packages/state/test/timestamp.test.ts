import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatTimestamp } from "../src/index.js";

test("prints what Date prints, without trailing zeros", () => {
  const lowest = Date.UTC(1, 0, 1);
  const highest = Date.UTC(9999, 11, 31);
  fc.assert(
    fc.property(fc.integer({ min: lowest, max: highest }), (timeMs) => {
      const expected = new Date(timeMs)
        .toISOString()
        .replace(/\.?0+Z$/, "Z")
        .replace(/:Z$/, ":00Z");
      const plain = timeMs % 1000 === 0 ? new Date(timeMs).toISOString().replace(".000Z", "Z") : expected;
      expect(formatTimestamp(timeMs)).toBe(plain);
    }),
  );
  expect(formatTimestamp(1_795_326_285_927.819)).toBe("2026-11-22T05:44:45.927819Z");
});
