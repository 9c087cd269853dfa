import zlib from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Endpoint, endpointEntries, methodsOf } from "@steppe/api";

import { run, type Running, until } from "./fixture.js";

/** What the table says of an endpoint, the server does: every row of the table is tried. */
let server: Running;
let index = 0;
beforeAll(async () => {
  server = await run();
  for (let n = 0; n < 20; n++) index = server.cluster.register(`job-${n}`);
  for (let n = 0; n < 30; n++)
    index = server.cluster.evaluate({ ID: `00000000-0000-4000-8000-0000000000${String(n).padStart(2, "0")}` });
});
afterAll(() => server.stop());

const pathOf = (endpoint: Endpoint): string => endpoint.path.replace(/:\w+\+?/g, "job-1");
const all = endpointEntries.map(([name, endpoint]) => ({ name, endpoint, path: pathOf(endpoint) }));
const reads = all.filter(({ endpoint }) => endpoint.kind === "read");
const lists = reads.filter(({ endpoint }) => endpoint.list !== undefined);
const bodies = all.filter(({ endpoint }) => endpoint.body === "required");

describe("methods", () => {
  test.each(all)("$name: those of the table, and no others", async ({ endpoint, path }) => {
    const allowed = endpointEntries
      .filter(([, other]) => pathOf(other) === path)
      .flatMap(([, other]) => methodsOf(other));
    for (const method of ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]) {
      const answer = await server.send(method, path, method === "PUT" || method === "POST" ? "{}" : undefined);
      if (allowed.includes(method as never)) expect([200, 404]).toContain(answer.status);
      else {
        expect(answer.status).toBe(endpoint.wrongMethodStatus ?? 405);
        expect(answer.headers.allow?.split(", ").sort()).toEqual([...allowed].sort());
        expect(answer.headers.vary).toBe("Accept-Encoding");
      }
    }
  });

  test.each(bodies)("$name: an empty body is refused", async ({ endpoint, path }) => {
    const answer = await server.send(endpoint.method, path);
    expect([answer.status, answer.text]).toEqual([400, "Request body is empty"]);
  });
});

describe("reads", () => {
  test.each(reads)("$name: every consistency mode, with its headers", async ({ path }) => {
    for (const query of ["", "?stale", "?consistent", "?stale=false"]) {
      const answer = await server.get(path + query);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        "content-type": "application/json",
        vary: "Accept-Encoding",
        "x-nomad-index": expect.stringMatching(/^[1-9]\d*$/) as string,
        "x-nomad-knownleader": "true",
        "x-nomad-lastcontact": "0",
      });
    }
    expect((await server.get(`${path}?stale=maybe`)).status).toBe(400);
    expect((await server.get(`${path}?stale&consistent`)).status).toBe(400);
  });

  test.each(reads)("$name: printed and compressed it is the same", async ({ path }) => {
    const plain = await server.get(path);
    expect((await server.get(`${path}?pretty`)).text).toBe(JSON.stringify(plain.json(), null, 4));
    const gzip = await server.get(path, { "Accept-Encoding": "gzip" });
    expect(gzip.headers["content-encoding"]).toBe(plain.bytes.length < 1024 ? undefined : "gzip");
    const bytes = plain.bytes.length < 1024 ? gzip.bytes : zlib.gunzipSync(gzip.bytes);
    expect(bytes.toString()).toBe(plain.text);
  });

  test.each(reads)("$name: blocks if the table says so", async ({ endpoint, path }) => {
    const known = Number((await server.get(path)).headers["x-nomad-index"]);
    expect((await server.get(`${path}?index=1&wait=60s`)).status).toBe(200);
    if (endpoint.blocking !== true) {
      expect((await server.get(`${path}?index=${known}&wait=60s`)).status).toBe(200);
      return;
    }
    expect((await server.get(`${path}?index=x`)).text).toBe("Invalid index");
    expect((await server.get(`${path}?wait=x`)).text).toBe("Invalid wait time");
    const answer = server.get(`${path}?index=${known}&wait=60s`);
    await until(() => server.pipeline.waiting === 1, "one waiting");
    server.cluster.register("job-1", { Priority: 1 + (known % 80) });
    server.cluster.evaluate({ ID: "00000000-0000-4000-8000-000000000001" });
    expect(Number((await answer).headers["x-nomad-index"])).toBeGreaterThan(known);
  });
});

describe("lists", () => {
  test.each(lists)("$name: pages, filters, order as the table says", async ({ endpoint, path }) => {
    const whole = (await server.get(path)).json() as { ID: string }[];
    const support = endpoint.list;
    expect(whole.length).toBeGreaterThan(3);
    const page = await server.get(`${path}?per_page=2`);
    expect(page.json()).toEqual(support?.paging === true ? whole.slice(0, 2) : whole);
    expect(page.headers["x-nomad-nexttoken"] !== undefined).toBe(support?.paging === true);
    const none = await server.get(`${path}?filter=${encodeURIComponent('ID == "none"')}`);
    expect(none.json()).toEqual(support?.filter === true ? [] : whole);
    const reverse = (await server.get(`${path}?reverse=true`)).json();
    expect(reverse).toEqual(support?.reverse === true ? [...whole].reverse() : whole);
    expect((await server.get(`${path}?prefix=zz`)).json()).toEqual(support?.prefix === true ? [] : whole);
  });
});
