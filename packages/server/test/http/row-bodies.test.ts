import { describe, expect, test } from "@jest/globals";

import { RowBodies } from "../../src/http/row-bodies.js";

describe("bytes of rows", () => {
  test("made once per row and renderer", () => {
    const bodies = new RowBodies();
    const row = { Name: "ü" };
    const render = ({ Name }: { Name: string }): string => Name;
    const plain = bodies.get(row, undefined);
    expect([plain.json, plain.lengthBytes]).toEqual(['{"Name":"ü"}', 13]);
    expect(bodies.get(row, undefined)).toBe(plain);
    expect(bodies.get(row, render).json).toBe('"ü"');
    expect(bodies.get({ ...row }, undefined)).not.toBe(plain);
  });

  test("what is asked for again stays, what is not goes", () => {
    const bodies = new RowBodies();
    const hot = { hot: true };
    const cold = { cold: true };
    const [keptHot, keptCold] = [bodies.get(hot, undefined), bodies.get(cold, undefined)];
    const filler = "x".repeat(1024 * 1024);
    for (let n = 0; n < 100; n++) {
      bodies.get({ filler, n }, undefined);
      expect(bodies.get(hot, undefined)).toBe(keptHot);
    }
    expect(bodies.get(cold, undefined)).not.toBe(keptCold);
  });
});
