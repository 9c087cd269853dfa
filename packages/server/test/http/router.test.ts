import { endpointEntries } from "@steppe/api";
import { describe, expect, test } from "@jest/globals";

import { Router } from "../../src/http/router.js";

const router = new Router(endpointEntries);

function find(method: string, path: string): [string, Record<string, string>] | number | undefined {
  const match = router.match(path);
  if (match === undefined) return undefined;
  const target = match.route.methods.get(method);
  return target === undefined ? match.route.wrongMethodStatus : [target.name, { ...match.params }];
}

describe("router", () => {
  test("finds every endpoint of the table under each of its methods", () => {
    for (const [name, endpoint] of endpointEntries) {
      const path = endpoint.path.replace(/:(\w+)\+?/g, "x-$1");
      expect(find(endpoint.method, path)).toEqual([name, expect.anything()]);
    }
  });

  test("PUT answers POST too, unless told", () => {
    expect(find("POST", "/v1/jobs")).toEqual(["registerJob", {}]);
    expect(find("POST", "/v1/system/gc")).toBe(405);
    expect(router.match("/v1/system/gc")?.route.allow).toBe("PUT");
    expect(router.match("/v1/jobs")?.route.allow).toBe("GET, PUT, POST");
  });

  test.each([
    ["/v1/job/web", "getJob", "web"],
    ["/v1/job/web/allocations", "listJobAllocations", "web"],
    ["/v1/job/a/b/allocations", "listJobAllocations", "a/b"],
    ["/v1/job/a%2Fb/summary", "getJobSummary", "a/b"],
    ["/v1/job/param/dispatch-1-abc", "getJob", "param/dispatch-1-abc"],
    ["/v1/job/allocations", "getJob", "allocations"],
    ["/v1/job/allocations/allocations", "listJobAllocations", "allocations"],
    ["/v1/job/a%20b%2Fsummary", "getJob", "a b/summary"],
    ["/v1/job/a%zz", "getJob", "a%zz"],
  ])("%s is %s of job %s", (path, name, id) => {
    expect(find("GET", path)).toEqual([name, { id }]);
  });

  test.each(["/v1/nope", "/v1", "/v1/", "/v1/job/", "/v1/job", "/v1/node/a/b", "/v1/jobs/", "/v2/jobs", ""])(
    "nothing is at %s",
    (path) => {
      expect(router.match(path)).toBeUndefined();
    },
  );

  test("a literal goes before a parameter", () => {
    expect(find("GET", "/v1/evaluations/count")).toEqual(["countEvaluations", {}]);
    expect(find("GET", "/v1/deployment/allocations/x")).toEqual(["listDeploymentAllocations", { id: "x" }]);
    expect(find("GET", "/v1/deployment/x")).toEqual(["getDeployment", { id: "x" }]);
  });
});
