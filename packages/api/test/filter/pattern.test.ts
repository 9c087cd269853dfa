import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { compilePattern } from "../../src/filter/pattern.js";
import { translatePattern } from "../../src/filter/translate.js";

describe("translation to RegExp", () => {
  test.each([
    "^seed-[0-9]+99$",
    "web",
    "a.*b",
    "(a|b)c?",
    "\\d{2,3}",
    "(?i)Web-1",
    "[a-z_.-]",
    "^\\w+\\s",
    "a{2}",
    "x\\.y",
    "(?P<n>a)b",
    "{a}",
    "^(a|b*)$",
  ])("%s is taken", (pattern) => expect(translatePattern(pattern)).toBeDefined());
  test.each([
    "(a+)+$",
    "(a*)*",
    "(a|a)*",
    "(ab)+",
    "(a+){3}",
    "((a|b){9}){9}",
    "[[:alpha:]]",
    "\\pL",
    "(?s)a.b",
    "a(?i)b",
    "(?i)[a-z]",
    "\\Qa\\E",
    "(?i)é",
  ])("%s is left to the linear engine", (pattern) => expect(translatePattern(pattern)).toBeUndefined());
  test("the bound grows with repetitions and shrinks with an anchor", () => {
    expect(translatePattern("^abc")).toMatchObject({ degree: 0 });
    expect(translatePattern("abc")).toMatchObject({ degree: 1 });
    expect(translatePattern("a.*b.*c")).toMatchObject({ degree: 3 });
    expect(translatePattern("^a.*|^b")).toMatchObject({ degree: 1 });
  });
});

test("both engines agree on every pattern that is translated", () => {
  const atom = fc.constantFrom(
    ..."abkK1 -\u212a\n_",
    ".",
    "^",
    "$",
    "\\d",
    "\\W",
    "\\s",
    "\\b",
    "\\.",
    "[a-k]",
    "[^a1]",
    "[-a\\d]",
    "(a|b)",
    "(?:k|)",
    "é",
    "😀",
  );
  const piece = fc
    .tuple(atom, fc.constantFrom("", "", "", "*", "+?", "?", "{2}", "{1,2}", "{1,}"))
    .map(([a, quantifier]) => a + quantifier);
  const pattern = fc
    .tuple(fc.constantFrom("", "(?i)"), fc.array(fc.oneof(piece, fc.constant("|")), { maxLength: 5 }))
    .map(([flags, parts]) => flags + parts.join(""));
  const text = fc
    .array(fc.constantFrom(..."abkK1 -.\u212a\n_\rsS\u017f", "é", "😀"), { maxLength: 8 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 5, maxLength: 5 }), (source, texts) => {
      const translated = translatePattern(source);
      let linear: RE2JS;
      try {
        linear = RE2JS.compile(source);
      } catch {
        return; // compilePattern asks RE2 first and refuses what it refuses.
      }
      for (const sample of texts)
        if (translated)
          expect([source, sample, translated.regExp.test(sample)]).toEqual([source, sample, linear.test(sample)]);
    }),
    { numRuns: 3000 },
  );
});

test("patterns that make a backtracking engine run away finish at once", () => {
  const long = `${"a".repeat(5_000)}!`;
  for (const pattern of ["(a+)+$", "(a|aa)+$", "a*a*a*a*a*b", "(.*)(.*)(.*)(.*)x$", "^(a?){50}a{50}$"]) {
    const startedAt = performance.now();
    expect(compilePattern(pattern)(long)).toBe(false);
    compilePattern(pattern)("a".repeat(300));
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  }
});
