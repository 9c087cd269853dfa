import { describe, expect, test } from "@jest/globals";
import { compileFilter } from "@steppe/api";
import type { ReadView } from "@steppe/state";

import { type ListQuery, ListShape } from "../../src/http/list-shape.js";
import type { AnyRow, ListSource } from "../../src/http/list-source.js";

const job = (Namespace: string, ID: string, Priority = 50): AnyRow =>
  ({ Namespace, ID, Priority }) as unknown as AnyRow;
const jobs: ListSource = { table: "jobs", order: "namespace", stub: (row) => row };
const evaluations: ListSource = { table: "evaluations", order: "created", stub: (row) => row };
const nodes: ListSource = { table: "nodes", order: "id", stub: (row) => row };

const shape = (source: ListSource, query: Partial<ListQuery> = {}): ListShape =>
  new ListShape(source, {
    namespace: "default",
    prefix: "",
    filter: undefined,
    reverse: false,
    visible: undefined,
    ...query,
  });

/** What a shape asks a view for. */
function scanned(of: ListShape): unknown {
  let asked: unknown;
  const view = {
    scan: (table: string, options: object) => ((asked = { table, ...options }), []),
    scanIndex: (table: string, index: string, options: object) => ((asked = { table, index, ...options }), []),
  } as unknown as ReadView;
  of.scan(view, "");
  return asked;
}

describe("shapes of lists", () => {
  test("the range that is scanned is as narrow as namespace and prefix allow", () => {
    const options = { from: undefined, reverse: false };
    expect(scanned(shape(jobs, { prefix: "we" }))).toEqual({ table: "jobs", prefix: "default\0we", ...options });
    expect(scanned(shape(jobs, { namespace: "*", prefix: "we" }))).toEqual({ table: "jobs", prefix: "", ...options });
    expect(scanned(shape(nodes, { prefix: "ab" }))).toEqual({ table: "nodes", prefix: "ab", ...options });
    expect(scanned(shape(evaluations, { prefix: "ab" }))).toEqual({ table: "evaluations", prefix: "ab", ...options });
    expect(scanned(shape(evaluations))).toEqual({ table: "evaluations", index: "byCreate", prefix: "", ...options });
  });

  test("the prefix of a list of all namespaces is one of ids", () => {
    const everywhere = shape(jobs, { namespace: "*", prefix: "we" });
    expect(everywhere.includes(job("other", "web"))).toBe(true);
    expect(everywhere.includes(job("we", "api"))).toBe(false);
  });

  test("a filter that cannot be evaluated fails before what the caller may see is looked at", () => {
    const visible = (): boolean => false;
    const broken = shape(jobs, { namespace: "*", filter: compileFilter("Nope == 1"), visible });
    expect(() => broken.includes(job("secret", "web"))).toThrow("failed to read result page");
    const filter = compileFilter("Priority == 50");
    expect(shape(jobs, { namespace: "*", filter, visible }).includes(job("secret", "web"))).toBe(false);
    expect(shape(jobs, { filter, visible }).includes(job("default", "web"))).toBe(true);
  });

  test("a source's own datum and condition", () => {
    const source: ListSource = {
      ...jobs,
      datum: () => ({ Priority: 1 }),
      where: (row) => (row as { ID: string }).ID !== "b",
    };
    const own = shape(source, { filter: compileFilter("Priority == 1") });
    expect([own.includes(job("default", "a")), own.includes(job("default", "b"))]).toEqual([true, false]);
  });

  test("tokens go back to keys", () => {
    const cases: [ListShape, AnyRow][] = [
      [shape(jobs), job("default", "a.b")],
      [shape(evaluations), { ID: "x", CreateIndex: 18, Namespace: "default" } as unknown as AnyRow],
      [shape(evaluations, { prefix: "x" }), { ID: "x", CreateIndex: 18 } as unknown as AnyRow],
      [shape(nodes), { ID: "n" } as unknown as AnyRow],
    ];
    const tokens = cases.map(([of, row]) => of.tokenOf(row));
    expect(tokens).toEqual(["default.a.b", "18.x", "x", "n"]);
    for (const [of, row] of cases) expect(of.keyOfToken(of.tokenOf(row))).toBe(of.orderKey(row));
  });
});
