import { expect, test } from "@jest/globals";
import { versionConstraintValid, versionSatisfies } from "../src/versions.js";

test.each([
  ["1.2.3", ">= 1.2, < 2", true],
  ["2.0", ">= 1.2, < 2", false],
  ["1.2.3.4", "> 1.2.3", true],
  ["v1.2", "= 1.2.0", true],
  ["1.2.9", "~> 1.2.3", true],
  ["1.3.0", "~> 1.2.3", false],
  ["1.9", "~> 1.2", true],
  ["2.0", "~> 1.2", false],
  ["1.3.0-beta1", ">= 1.2", false],
  ["1.3.0-beta2", ">= 1.3.0-beta1", true],
  ["1.3.0-beta2", ">= 1.2.0-beta1", false],
  ["1.0.0+ent", "= 1.0.0", true],
  ["nonsense", "> 1", false],
])("version %s satisfies %s: %s", (version, constraint, holds) => {
  expect(versionSatisfies(version, constraint, false)).toBe(holds);
});

test.each([
  ["1.3.0-beta1", ">= 1.2", true],
  ["1.3.0-beta1", "< 1.3.0", true],
  ["1.3.0-alpha.2", "> 1.3.0-alpha.1", true],
  ["1.3.0-alpha.10", "> 1.3.0-alpha.9", true],
  ["1.3.0-alpha", "> 1.3.0-1", true],
])("semver %s satisfies %s: %s", (version, constraint, holds) => {
  expect(versionSatisfies(version, constraint, true)).toBe(holds);
});

test("says whether a constraint is one", () => {
  expect(versionConstraintValid(">= 1.2, != 1.4", false)).toBe(true);
  expect(versionConstraintValid("~> 1.2", true)).toBe(false);
  expect(versionConstraintValid(">> 1", false)).toBe(false);
});
