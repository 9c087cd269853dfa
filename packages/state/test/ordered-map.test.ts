import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { OrderedMap } from "../src/ordered-map.js";

const key = fc.string({ unit: fc.constantFrom("a", "b", "\0", "z"), maxLength: 4 });

test("walks as a sorted list does, in both directions", () => {
  fc.assert(
    fc.property(fc.array(key), key, fc.option(key, { nil: undefined }), fc.boolean(), (keys, prefix, from, reverse) => {
      const map = new OrderedMap<string>();
      for (const each of keys) map.set(each, `v${each}`);
      const expected = [...new Set(keys)].filter((each) => each.startsWith(prefix)).sort();
      if (reverse) expected.reverse();
      const wanted = expected.filter((each) => from === undefined || (reverse ? each <= from : each >= from));
      expect(Array.from(map.entries({ prefix, from, reverse }), (entry) => entry[1])).toEqual(
        wanted.map((each) => `v${each}`),
      );
      if (prefix !== "") expect(map.withPrefix(prefix)).toHaveLength(expected.length);
    }),
  );
});

test("a clone does not see later writes, nor does the original see the clone's", () => {
  fc.assert(
    fc.property(fc.array(key), fc.array(fc.tuple(key, fc.boolean()), { maxLength: 200 }), (keys, writes) => {
      const map = new OrderedMap<number>();
      for (const each of keys) map.set(each, 1);
      const clone = map.clone();
      const before = Array.from(clone.entries(), ([name, value]) => `${name}=${value}`);
      for (const [each, remove] of writes) {
        if (remove) map.delete(each);
        else map.set(each, 2);
      }
      expect(Array.from(clone.entries(), ([name, value]) => `${name}=${value}`)).toEqual(before);
      expect(clone.size).toBe(before.length);
    }),
  );
});
