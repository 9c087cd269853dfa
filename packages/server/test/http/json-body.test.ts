import { describe, expect, test } from "@jest/globals";

import { parseJsonBody } from "../../src/http/json-body.js";

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

describe("JSON bodies", () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    [' {"a":"}"} garbage', { a: "}" }],
    ['{"a":1}{"b":2}', { a: 1 }],
    ["[1,[2]]]", [1, [2]]],
    ['"x\\"y" z', 'x"y'],
    ["12 x", 12],
    ["null", null],
  ])("%s", (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  test.each([
    ['{"Job":', "unexpected EOF"],
    ['{"Job":{"ID":"x', "unexpected EOF"],
    ["[1,", "unexpected EOF"],
    ["  ", "EOF"],
    ["nope", "invalid character"],
    ["{'a':1}", "invalid character"],
  ])("%s is refused", (text, reason) => {
    expect(() => parse(text)).toThrow(reason);
    expect(() => parse(text)).toThrow(expect.objectContaining({ status: 400 }) as Error);
  });
});
