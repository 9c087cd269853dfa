import zlib from "node:zlib";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { RowOf } from "@steppe/state";

import { Cluster, idsOf, jobsSource, run, type Running } from "./fixture.js";

let server: Running;
beforeEach(async () => {
  server = await run();
});
afterEach(() => server.stop());

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** What the list must be, straight from the state. */
function expected(cluster: Cluster, keep: (job: RowOf<"jobs">) => boolean = () => true): unknown[] {
  return [...cluster.state.scan("jobs", { prefix: "default\0" })]
    .filter(keep)
    .map((job) => jobsSource.stub(job, cluster.state.get("jobSummaries", `default\0${job.ID}`)));
}

describe("lists", () => {
  test("no rows: an empty list, with the table's index", async () => {
    const answer = await server.get("/v1/jobs");
    expect([answer.status, answer.text]).toEqual([200, "[]"]);
    expect(Number(answer.headers["x-nomad-index"])).toBe(server.cluster.state.tableIndex("jobs", "jobSummaries"));
  });

  test("entries are stubs in the order of keys; the index is that of the last change", async () => {
    const { cluster } = server;
    for (const id of ["web", "api", "db"]) cluster.register(id);
    const answer = await server.get("/v1/jobs");
    expect(idsOf(answer)).toEqual(["api", "db", "web"]);
    expect(answer.json()).toEqual(JSON.parse(JSON.stringify(expected(cluster))));
    expect(answer.headers["x-nomad-index"]).toBe(String(cluster.index));
    expect(answer.headers["content-length"]).toBe(String(answer.bytes.length));
  });

  test("after any writes, plain and compressed lists are those of the state", async () => {
    const { cluster } = server;
    const id = fc.integer({ min: 0, max: 1500 }).map((n) => `job-${String(n).padStart(5, "0")}`);
    const write = fc.record({ id, priority: fc.integer({ min: 1, max: 90 }), purge: fc.boolean() });
    for (let n = 0; n < 700; n++) cluster.register(`job-${String(n * 2).padStart(5, "0")}`);
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 60 }), async (writes) => {
        for (const { id: name, priority, purge } of writes) {
          if (purge && cluster.state.get("jobs", `default\0${name}`) !== undefined)
            cluster.apply("jobsGarbageCollect", { jobs: [{ namespace: "default", jobID: name }] } as never);
          else cluster.register(name, { Priority: priority });
        }
        const wanted = JSON.stringify(expected(cluster));
        expect((await server.get("/v1/jobs")).text).toBe(wanted);
        const gzip = await server.get("/v1/jobs", { "Accept-Encoding": "gzip" });
        expect(gzip.headers["content-encoding"]).toBe("gzip");
        expect(zlib.gunzipSync(gzip.bytes).toString()).toBe(wanted);
        const reverse = await server.get("/v1/jobs?reverse=true");
        expect(reverse.text).toBe(JSON.stringify(expected(cluster).reverse()));
        const low = await server.get(`/v1/jobs?filter=${encodeURIComponent("Priority == 50")}`);
        expect(low.text).toBe(JSON.stringify(expected(cluster, (job) => job.Priority === 50)));
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  test("a restored state is answered from anew", async () => {
    const other = new Cluster();
    for (const id of ["x", "y"]) other.register(id);
    server.cluster.register("before");
    expect(idsOf(await server.get("/v1/jobs"))).toEqual(["before"]);
    await server.cluster.state.restore(other.state.snapshotChunks());
    expect(idsOf(await server.get("/v1/jobs"))).toEqual(["x", "y"]);
  });

  test("prefix, namespaces", async () => {
    const { cluster } = server;
    for (const id of ["web", "web-2", "api"]) cluster.register(id);
    expect(idsOf(await server.get("/v1/jobs?prefix=web"))).toEqual(["web", "web-2"]);
    expect(idsOf(await server.get("/v1/jobs?prefix=zz"))).toEqual([]);
    expect(idsOf(await server.get("/v1/jobs?namespace=none"))).toEqual([]);
    expect(idsOf(await server.get("/v1/jobs?namespace=*"))).toEqual(["api", "web", "web-2"]);
    expect(idsOf(await server.get("/v1/jobs?namespace=*&prefix=web"))).toEqual(["web", "web-2"]);
    cluster.evaluate({ ID: uuid(1), Namespace: "default" }, { ID: uuid(2), Namespace: "other" });
    expect(idsOf(await server.get("/v1/evaluations"))).toEqual([uuid(1)]);
    expect(idsOf(await server.get("/v1/evaluations?namespace=other"))).toEqual([uuid(2)]);
    expect(idsOf(await server.get("/v1/evaluations?namespace=*"))).toEqual([uuid(1), uuid(2)]);
  });

  test("filters see the stored row; their errors are 400 with Nomad's texts", async () => {
    const get = (filter: string) => server.get(`/v1/jobs?filter=${encodeURIComponent(filter)}`);
    expect((await get("Nope == 1")).text).toBe("[]");
    for (const id of ["a", "b"]) server.cluster.register(id);
    expect(idsOf(await get('ID == "b"'))).toEqual(["b"]);
    expect(idsOf(await get("any TaskGroups as g { g.Count == 1 }"))).toEqual(["a", "b"]);
    expect(idsOf(await server.get("/v1/jobs?filter="))).toEqual(["a", "b"]);
    const parse = await get("Priority > 3");
    expect(parse.status).toBe(400);
    expect(parse.text).toMatch(
      /^failed to create result paginator: failed to read filter expression: 1:10 \(9\): no match found/,
    );
    const evaluate = await get('Nope == "x"');
    expect([evaluate.status, evaluate.text]).toEqual([
      400,
      'failed to read result page: error finding value in datum: /Nope at part 0: couldn\'t find key: struct field with name "Nope"',
    ]);
    expect((await get(" ")).status).toBe(400);
    // The list is as good as new afterwards.
    expect(idsOf(await get('ID == "a"'))).toEqual(["a"]);
  });

  test("pages of jobs: the token names the next matching one", async () => {
    for (const id of ["a", "b.c", "d", "e"]) server.cluster.register(id, { Priority: id === "d" ? 10 : 50 });
    const first = await server.get("/v1/jobs?per_page=1");
    expect([idsOf(first), first.headers["x-nomad-nexttoken"]]).toEqual([["a"], "default.b.c"]);
    const second = await server.get("/v1/jobs?per_page=2&next_token=default.b.c");
    expect([idsOf(second), second.headers["x-nomad-nexttoken"]]).toEqual([["b.c", "d"], "default.e"]);
    const last = await server.get("/v1/jobs?per_page=2&next_token=default.e");
    expect([idsOf(last), last.headers["x-nomad-nexttoken"]]).toEqual([["e"], undefined]);
    const filtered = await server.get("/v1/jobs?per_page=2&filter=Priority%20==%2050");
    expect([idsOf(filtered), filtered.headers["x-nomad-nexttoken"]]).toEqual([["a", "b.c"], "default.e"]);
    const back = await server.get("/v1/jobs?per_page=2&reverse=true");
    expect([idsOf(back), back.headers["x-nomad-nexttoken"]]).toEqual([["e", "d"], "default.b.c"]);
    const backAgain = await server.get("/v1/jobs?per_page=9&reverse=true&next_token=default.b.c");
    expect(idsOf(backAgain)).toEqual(["b.c", "a"]);
  });

  test("odd pages", async () => {
    for (const id of ["a", "b"]) server.cluster.register(id);
    const negative = await server.get("/v1/jobs?per_page=-1");
    expect([negative.text, negative.headers["x-nomad-nexttoken"]]).toEqual(["[]", "default.a"]);
    expect(idsOf(await server.get("/v1/jobs?per_page=0"))).toEqual(["a", "b"]);
    expect((await server.get("/v1/jobs?per_page=1&next_token=zzz")).text).toBe("[]");
    const bad = await server.get("/v1/jobs?per_page=abc");
    expect([bad.status, bad.text]).toEqual([400, "Expect a number for `per_page` query string parameter"]);
    expect(idsOf(await server.get("/v1/jobs?reverse=1"))).toEqual(["a", "b"]);
  });

  test("lists in the order of creation: tokens hold the index; with a prefix the order is that of ids", async () => {
    const { cluster } = server;
    cluster.evaluate({ ID: uuid(3) });
    const second = cluster.evaluate({ ID: uuid(1) }, { ID: uuid(4) });
    cluster.evaluate({ ID: uuid(2) });
    expect(idsOf(await server.get("/v1/evaluations"))).toEqual([uuid(3), uuid(1), uuid(4), uuid(2)]);
    const page = await server.get("/v1/evaluations?per_page=1");
    expect(page.headers["x-nomad-nexttoken"]).toBe(`${second}.${uuid(1)}`);
    const next = await server.get(`/v1/evaluations?per_page=2&next_token=${second}.${uuid(1)}`);
    expect(idsOf(next)).toEqual([uuid(1), uuid(4)]);
    expect(idsOf(await server.get("/v1/evaluations?prefix=0000"))).toEqual([1, 2, 3, 4].map(uuid));
    const prefixed = await server.get("/v1/evaluations?prefix=0000&per_page=1");
    expect(prefixed.headers["x-nomad-nexttoken"]).toBe(uuid(2));
    expect(idsOf(await server.get("/v1/evaluations?reverse=true"))).toEqual([uuid(2), uuid(4), uuid(1), uuid(3)]);
    expect((await server.get("/v1/evaluations?namespace=other")).text).toBe("[]");
    cluster.evaluate({ ID: uuid(1) });
    expect(idsOf(await server.get("/v1/evaluations"))).toEqual([uuid(3), uuid(1), uuid(4), uuid(2)]);
  });

  test("printed for people", async () => {
    for (const id of ["a", "b"]) server.cluster.register(id);
    const plain = await server.get("/v1/jobs");
    const pretty = await server.get("/v1/jobs?pretty");
    expect(pretty.text).toBe(JSON.stringify(plain.json(), null, 4));
    expect((await server.get("/v1/jobs?pretty=0")).text).toBe(plain.text);
    expect((await server.get("/v1/jobs?pretty&prefix=zz")).text).toBe("[]");
  });

  test("rows that the caller may not see are not in a list of all namespaces", async () => {
    const limited = await run({
      access: {
        authenticate: () => ({
          key: "k",
          allows: (_, namespace) => namespace === "other",
          allowsEverywhere: () => false,
        }),
        authorize: () => undefined,
      },
    });
    limited.cluster.evaluate({ ID: uuid(1), Namespace: "default" }, { ID: uuid(2), Namespace: "other" });
    expect(idsOf(await limited.get("/v1/evaluations?namespace=*"))).toEqual([uuid(2)]);
    expect(idsOf(await limited.get("/v1/evaluations?namespace=*&per_page=5"))).toEqual([uuid(2)]);
    await limited.stop();
  });
});
