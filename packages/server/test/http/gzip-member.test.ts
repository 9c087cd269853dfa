import zlib from "node:zlib";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { deflatePart, deflatePartAsync, joinParts, storedPart } from "../../src/http/gzip-member.js";

describe("one gzip member out of parts", () => {
  test("any parts, compressed apart, unpack to their texts in a row", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.string({ maxLength: 5000 })), { maxLength: 12 }), (parts) => {
        const made = parts.map(([stored, text]) => (stored ? storedPart(text) : deflatePart(Buffer.from(text))));
        // gunzipSync checks both the sum and the length.
        expect(zlib.gunzipSync(joinParts(made)).toString()).toBe(parts.map(([, text]) => text).join(""));
      }),
    );
  });

  test("long parts, compressed on the thread pool", async () => {
    const texts = Array.from({ length: 20 }, (_, n) => `{"ID":"job-${n}"},`.repeat(10_000 + n));
    const parts = await Promise.all(texts.map((text) => deflatePartAsync(Buffer.from(text))));
    expect(zlib.gunzipSync(joinParts(parts)).toString()).toBe(texts.join(""));
  });

  test("what is not compressed by itself cannot be unpacked with another sum", () => {
    const part = deflatePart(Buffer.from("text"));
    expect(() => zlib.gunzipSync(joinParts([{ ...part, crc: part.crc ^ 1 }]))).toThrow("incorrect data check");
  });
});
