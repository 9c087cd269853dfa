import { describe, expect, test } from "@jest/globals";

import { Query } from "../../src/http/query.js";

describe("query", () => {
  test("values, decoded; the first of several wins, all are there", () => {
    const query = new Query("a=1&b=x%20y&a=2&c&d=&e=1+2&=z&%66=g");
    expect(query.get("a")).toBe("1");
    expect(query.getAll("a")).toEqual(["1", "2"]);
    expect(query.getAll("b")).toEqual(["x y"]);
    expect(query.getAll("none")).toEqual([]);
    expect([query.get("c"), query.get("d"), query.get("e"), query.get("f")]).toEqual(["", "", "1 2", "g"]);
    expect([query.has("c"), query.has("zz")]).toEqual([true, false]);
  });

  test("flags: alone and empty are true, anything else but true and false is refused", () => {
    const query = new Query("a&b=&c=true&d=false&e=maybe");
    expect(["a", "b", "c", "d", "zz"].map((name) => query.flag(name))).toEqual([true, true, true, false, false]);
    expect(() => query.flag("e")).toThrow("Expect `true` or `false` for `e` query string parameter");
  });

  test("bools are Go's", () => {
    const query = new Query("a=1&b=T&c=FALSE&d=&e=yes");
    expect(["a", "b", "c", "d", "zz"].map((name) => query.bool(name))).toEqual([
      true,
      true,
      false,
      undefined,
      undefined,
    ]);
    expect(() => query.bool("e")).toThrow(
      'Failed to parse value of "e" (yes) as a bool: strconv.ParseBool: parsing "yes": invalid syntax',
    );
  });

  test("integers", () => {
    const query = new Query("a=12&b=-3&c=&d=1.5");
    expect(["a", "b", "c"].map((name) => query.integer(name))).toEqual([12, -3, undefined]);
    expect(() => query.integer("d")).toThrow("as an integer");
  });

  test("what cannot be decoded is refused", () => {
    expect(() => new Query("a=%zz").get("a")).toThrow("invalid URL escape");
  });
});
