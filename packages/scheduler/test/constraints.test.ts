import { expect, test } from "@jest/globals";
import { seededRandom } from "@steppe/shared";
import { constraintHolds, describeConstraint, matchesGlob, matchesRegex, resolveTarget } from "../src/index.js";
import { makeNode } from "./fixtures.js";

const node = makeNode(seededRandom(1), {
  Name: "n1",
  Datacenter: "dc1",
  NodeClass: "big",
  Attributes: {
    "kernel.name": "linux",
    "kernel.version": "6.1.0",
    "cpu.numcores": "8",
    "os.signals": "SIGTERM, SIGKILL",
    empty: "",
  },
  Meta: { rack: "r10" },
});

test("targets are read from the node", () => {
  const targets = [
    "${attr.kernel.name}",
    "${meta.rack}",
    "${node.class}",
    "${node.datacenter}",
    "${node.unique.name}",
    "${node.pool}",
    "literal",
  ];
  expect(targets.map((target) => resolveTarget(target, node))).toEqual([
    "linux",
    "r10",
    "big",
    "dc1",
    "n1",
    "default",
    "literal",
  ]);
  expect(resolveTarget("${node.unique.id}", node)).toBe(node.ID);
  expect(resolveTarget("${attr.missing}", node)).toBeUndefined();
});

test.each([
  ["${attr.kernel.name}", "=", "linux", true],
  ["${attr.kernel.name}", "==", "linux", true],
  ["${attr.kernel.name}", "is", "darwin", false],
  ["${attr.kernel.name}", "!=", "darwin", true],
  ["${attr.kernel.name}", "not", "linux", false],
  ["${attr.missing}", "!=", "x", true],
  ["${attr.missing}", "=", "x", false],
  ["${attr.cpu.numcores}", ">=", "8", true],
  ["${attr.cpu.numcores}", ">", "10", false],
  ["${attr.cpu.numcores}", "<", "10", true],
  ["${meta.rack}", "<=", "r2", true],
  ["${attr.kernel.name}", "regexp", "^lin", true],
  ["${attr.kernel.name}", "regexp", "(", false],
  ["${attr.kernel.version}", "version", ">= 5, < 7", true],
  ["${attr.kernel.version}", "semver", "> 6.1.0", false],
  ["${attr.missing}", "is_set", "", false],
  ["${attr.empty}", "is_set", "", true],
  ["${attr.missing}", "is_not_set", "", true],
  ["${attr.os.signals}", "set_contains", "SIGKILL,SIGTERM", true],
  ["${attr.os.signals}", "set_contains_all", "SIGKILL,SIGHUP", false],
  ["${attr.os.signals}", "set_contains_any", "SIGKILL,SIGHUP", true],
  ["${node.region}", "=", "eu", true],
  ["${attr.kernel.name}", "unheard of", "linux", false],
])("%s %s %s: %s", (LTarget, Operand, RTarget, holds) => {
  expect(constraintHolds({ LTarget, RTarget, Operand }, node, { region: "eu" })).toBe(holds);
});

test("prints constraints as Nomad does", () => {
  expect(describeConstraint({ LTarget: "${attr.a}", Operand: "=", RTarget: "b" })).toBe("${attr.a} = b");
});

test("matching takes linear time whatever the expression", () => {
  const began = performance.now();
  expect(matchesRegex("a".repeat(5000) + "!", "^(a+)+$")).toBe(false);
  expect(performance.now() - began).toBeLessThan(5000);
});

test("a star in a datacenter stands for anything", () => {
  const matches = (pattern: string): boolean => matchesGlob("eu-west/1", pattern);
  expect(["*", "eu-*", "*1", "eu*/1", "eu-west/1", "*w*/*"].map(matches)).toEqual([true, true, true, true, true, true]);
  expect(["eu", "us-*", "*2", "eu-west/11*", "*x*"].map(matches)).toEqual([false, false, false, false, false]);
});
