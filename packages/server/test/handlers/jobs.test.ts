import { describe, expect, test } from "@jest/globals";
import type { Job } from "@steppe/structs";

import { golden, goldenTest, jobInput, shapeOf, TestServer } from "./fixture.js";

const register = (server: TestServer, id: string, extra = {}, request = {}) =>
  server.ask("PUT", "/v1/jobs", { Job: jobInput(id, extra), ...request });

describe("registering", () => {
  test("answers with the evaluation; the job can be read under its ModifyIndex", async () => {
    const server = new TestServer();
    const answer = await register(server, "web");
    expect(answer.status).toBe(200);
    const index = (answer.json as { Index: number }).Index;
    expect(answer.json).toMatchObject({
      EvalCreateIndex: index,
      JobModifyIndex: index,
      Warnings: "",
      KnownLeader: false,
    });
    expect(answer.headers).toMatchObject({ "X-Nomad-Index": String(index) });
    const read = await server.get("/v1/job/web");
    expect(read.headers).toMatchObject({ "X-Nomad-Index": String(index), "X-Nomad-Knownleader": "true" });
    expect(read.json).toMatchObject({ ID: "web", Version: 0, Status: "pending", JobModifyIndex: index });
    const evaluations = (await server.get("/v1/job/web/evaluations")).json;
    expect(evaluations).toMatchObject([{ TriggeredBy: "job-register", Status: "pending", JobModifyIndex: index }]);
  });

  test("the same job again keeps its version but is evaluated", async () => {
    const server = new TestServer();
    const first = (await register(server, "web")).json as { EvalID: string; JobModifyIndex: number };
    const again = (await register(server, "web")).json as { EvalID: string; JobModifyIndex: number };
    expect(again.EvalID).not.toBe(first.EvalID);
    expect(again.JobModifyIndex).toBe(first.JobModifyIndex);
    expect((await server.get("/v1/job/web")).json).toMatchObject({ Version: 0 });
    await register(server, "web", { Priority: 60 });
    const versions = (await server.get("/v1/job/web/versions")).json as { Versions: Job[]; Diffs: null };
    expect(versions.Versions.map((job) => [job.Version, job.Priority])).toEqual([
      [1, 60],
      [0, 50],
    ]);
  });

  test("periodic and parameterized jobs are not evaluated", async () => {
    const server = new TestServer();
    const periodic = await register(server, "cron", { Type: "batch", Periodic: { Spec: "@daily" } });
    expect(periodic.json).toMatchObject({ EvalID: "", EvalCreateIndex: 0 });
    const parameterized = await register(server, "param", { Type: "batch", ParameterizedJob: {} });
    expect(parameterized.json).toMatchObject({ EvalID: "", EvalCreateIndex: 0 });
    expect((await server.get("/v1/jobs")).json).toMatchObject([
      { ID: "cron", Periodic: true },
      { ID: "param", ParameterizedJob: true },
    ]);
  });

  test("EnforceIndex: 0 means that it must not exist", async () => {
    const server = new TestServer();
    const enforce = (index: number) => register(server, "web", {}, { EnforceIndex: true, JobModifyIndex: index });
    const { JobModifyIndex } = (await enforce(0)).json as { JobModifyIndex: number };
    const refused = await enforce(0);
    expect([refused.status, refused.text]).toEqual([409, "Enforcing job modify index 0: job already exists"]);
    expect((await enforce(JobModifyIndex)).status).toBe(200);
    expect((await enforce(999)).text).toContain("job exists with conflicting job modify index");
  });

  test("what the server decides is not taken from the client", async () => {
    const server = new TestServer();
    await register(server, "web", { Status: "dead", Stop: true, Version: 7, CreateIndex: 9, Stable: true });
    expect((await server.get("/v1/job/web")).json).toMatchObject({ Status: "pending", Stop: false, Version: 0 });
  });

  test("the query's namespace beats the job's", async () => {
    const server = new TestServer();
    const answer = await server.ask("PUT", "/v1/jobs?namespace=default", { Job: jobInput("a", { Namespace: "nope" }) });
    expect(answer.status).toBe(200);
  });

  test("a job of another region is sent back", async () => {
    const answer = await register(new TestServer(), "web", { Region: "mars" });
    expect([answer.status, answer.text]).toEqual([400, 'Job is for region "mars": send it with ?region=mars']);
  });
});

describe("refusals as recorded", () => {
  const cases: [string, number][] = [
    ["jobs-no-job", 400],
    ["jobs-no-id", 400],
    ["jobs-no-body", 400],
    ["jobs-bad-json", 400],
    ["jobs-wrong-type", 400],
    ["jobs-id-mismatch", 400],
    ["jobs-eval-priority", 400],
    ["jobs-system-scaling", 400],
    ["jobs-id-only", 400],
    ["jobs-bad-namespace", 400],
    ["job-purge-bad", 400],
    ["versions-bad-bool", 400],
    ["jobs-meta-bad-bool", 400],
    ["job-404", 404],
    ["job-none-summary", 404],
    ["job-none-versions", 404],
    ["job-405", 405],
  ];
  for (const [name, status] of cases) {
    goldenTest(name, async () => {
      const { request, body } = golden(name);
      const answer = await new TestServer().ask(request.method, request.url, request.body);
      expect([answer.status, answer.text]).toEqual([status, body]);
    });
  }
});

describe("shapes as recorded", () => {
  for (const name of ["register", "register-batch", "register-system", "register-param", "register-periodic"]) {
    goldenTest(name, async () => {
      const { request, body } = golden(name);
      const answer = await new TestServer().ask(request.method, request.url, request.body);
      expect(Object.keys(answer.json as object)).toEqual(Object.keys(JSON.parse(body) as object));
      expect((answer.json as { Warnings: string }).Warnings).toBe((JSON.parse(body) as { Warnings: string }).Warnings);
    });
  }

  const after: [string, string][] = [
    ["job", "/v1/job/web"],
    ["job-summary", "/v1/job/web/summary"],
    ["job-none-deployment", "/v1/job/none/deployment"],
    ["job-none-deployments", "/v1/job/none/deployments"],
    ["job-none-allocations", "/v1/job/none/allocations"],
    ["job-none-evaluations", "/v1/job/none/evaluations"],
  ];
  for (const [name, url] of after) {
    goldenTest(name, async () => {
      const server = new TestServer();
      await server.ask("POST", "/v1/jobs", golden("register").request.body);
      const answer = await server.get(url);
      expect(answer.status).toBe(200);
      expect(shapeOf(answer.json)).toEqual(shapeOf(JSON.parse(golden(name).body)));
    });
  }

  for (const name of ["validate-ok", "validate-errors"]) {
    goldenTest(name, async () => {
      const { request, body } = golden(name);
      const answer = await new TestServer().ask(request.method, request.url, request.body);
      expect(answer.text).toBe(body);
    });
  }
});

describe("stopping and evaluating", () => {
  test("stop keeps the job, purge forgets it, what is not there has been stopped", async () => {
    const server = new TestServer();
    await register(server, "web");
    const stopped = await server.ask("DELETE", "/v1/job/web");
    expect(stopped.json).toMatchObject({ VolumeEvalID: "", VolumeEvalIndex: 0, JobModifyIndex: expect.any(Number) });
    expect((await server.get("/v1/job/web")).json).toMatchObject({ Stop: true, Version: 0 });
    await server.ask("DELETE", "/v1/job/web?purge=true");
    expect((await server.get("/v1/job/web")).status).toBe(404);
    const nothing = await server.ask("DELETE", "/v1/job/web");
    expect(nothing.headers).toMatchObject({ "X-Nomad-Index": "0" });
    expect(nothing.json).toMatchObject({ EvalID: "", Index: 0 });
  });

  test("an id may contain slashes", async () => {
    const server = new TestServer();
    await register(server, "a/b");
    expect((await server.get("/v1/job/a%2Fb/summary")).json).toMatchObject({ JobID: "a/b" });
    expect((await server.get("/v1/job/a/b")).json).toMatchObject({ ID: "a/b" });
  });

  test("evaluate", async () => {
    const server = new TestServer();
    await register(server, "web");
    const answer = await server.ask("PUT", "/v1/job/web/evaluate");
    const { EvalID } = answer.json as { EvalID: string };
    expect((await server.get(`/v1/evaluation/${EvalID}`)).json).toMatchObject({ JobID: "web", Status: "pending" });
    expect((await server.ask("PUT", "/v1/job/none/evaluate")).status).toBe(404);
    await register(server, "cron", { Type: "batch", Periodic: { Spec: "@daily" } });
    expect((await server.ask("PUT", "/v1/job/cron/evaluate")).text).toBe("can't evaluate periodic job");
  });
});
