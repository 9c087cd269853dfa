import { describe, expect, test } from "@jest/globals";

import { methodsOf } from "../src/endpoint.js";
import { endpointEntries } from "../src/endpoints/index.js";

describe("the table of endpoints", () => {
  test("no two endpoints answer one method of one path", () => {
    const keys = endpointEntries.flatMap(([, endpoint]) =>
      methodsOf(endpoint).map((method) => `${method} ${endpoint.path.replace(/:\w+/g, ":")}`),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each(endpointEntries)("%s is consistent in itself", (_, endpoint) => {
    const { method, kind, list, blocking, body, path, putOnly } = endpoint;
    expect(path).toMatch(/^\/v1\/|^\/\.well-known\//);
    expect(path).not.toMatch(/\/$|\/\//);
    // What waits, and what lists, only reads.
    if (list !== undefined) expect([method, kind]).toEqual(["GET", "read"]);
    if (blocking === true) expect(kind).toBe("read");
    if (kind === "read") expect(body).toBeUndefined();
    if (putOnly === true) expect(method).toBe("PUT");
    if (method === "GET") expect(body).toBeUndefined();
    expect(endpoint.summary).toMatch(/\.$/);
    expect(endpoint.capability).not.toBe("");
  });

  test("PUT answers POST too", () => {
    const methods = Object.fromEntries(endpointEntries.map(([name, endpoint]) => [name, methodsOf(endpoint)]));
    expect(methods["registerJob"]).toEqual(["PUT", "POST"]);
    expect(methods["collectGarbage"]).toEqual(["PUT"]);
    expect(methods["listJobs"]).toEqual(["GET"]);
    expect(methods["deregisterJob"]).toEqual(["DELETE"]);
  });
});
