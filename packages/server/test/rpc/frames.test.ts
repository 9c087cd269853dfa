import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { allocateFrame, encodeFrame, FRAME_PAYLOAD, FrameKind, FrameReader, unpack } from "../../src/rpc/frames.js";

describe("FrameReader", () => {
  test("finds the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }),
        (payloads, cuts) => {
          const frames = payloads.map((payload, i) => {
            const frame = allocateFrame(FrameKind.ping, payload.byteLength);
            frame.set(payload, FRAME_PAYLOAD);
            frame[4] = i;
            return frame;
          });
          const bytes = Buffer.concat(frames);
          const reader = new FrameReader(1000);
          const found: { kind: number; payload: Buffer }[] = [];
          for (let at = 0, i = 0; at < bytes.byteLength; i++) {
            const cut = cuts[i % cuts.length]!;
            reader.push(bytes.subarray(at, at + cut), (kind, payload) => found.push({ kind, payload }) > 0);
            at += cut;
          }
          expect(found.map(({ kind }) => kind)).toEqual(payloads.map((_, i) => i));
          found.forEach(({ payload }, i) => expect(Buffer.compare(payload, payloads[i]!)).toBe(0));
        },
      ),
    );
  });

  test("refuses a length of nothing or of too much before the bytes come", () => {
    const none = new FrameReader(100);
    expect(() => none.push(Buffer.from([0, 0, 0, 0]), () => true)).toThrow("a frame of 0 bytes");
    const large = new FrameReader(100);
    expect(() => large.push(Buffer.from([0, 0, 0, 101]), () => true)).toThrow("a frame of 101 bytes");
  });

  test("packs values of any size behind the header", () => {
    for (const size of [0, 10, 5_000, 3_000_000]) {
      const frame = encodeFrame(FrameKind.request, [7, "PUT", Buffer.alloc(size, 1)]);
      const found: unknown[] = [];
      new FrameReader(10_000_000).push(frame, (kind, payload) => {
        found.push(kind, unpack(payload));
        return true;
      });
      const [kind, [id, method, body]] = found as [number, [number, string, Buffer]];
      expect([kind, id, method, body.equals(Buffer.alloc(size, 1))]).toEqual([FrameKind.request, 7, "PUT", true]);
    }
  });
});
