import http from "node:http";
import zlib from "node:zlib";

import { SteppeError } from "@steppe/shared";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Request, Response } from "express";

import { closeServer, createHttpServer, listen } from "../../src/http/http-server.js";
import { Cluster, FakeRaft, makeContext, makePipeline, run, type RunOptions, type Running, ask } from "./fixture.js";

const running: Running[] = [];
afterEach(() => Promise.all(running.splice(0).map((server) => server.stop())));

async function start(options: RunOptions = {}): Promise<Running> {
  const server = await run(options);
  running.push(server);
  return server;
}

const TEXT = "text/plain; charset=utf-8";
const namesOf = (raw: readonly string[]): string[] => raw.filter((_, at) => at % 2 === 0);

describe("paths", () => {
  test("nothing there: 404 and an empty body; below an allocation with a text", async () => {
    const { get } = await start();
    const unknown = await get("/v1/nope");
    expect([unknown.status, unknown.text, unknown.headers["content-length"], unknown.headers.vary]).toEqual([
      404,
      "",
      "0",
      "Accept-Encoding",
    ]);
    const suffix = await get("/v1/allocation/x/zz");
    expect([suffix.status, suffix.text, suffix.headers["content-type"]]).toEqual([404, "resource not found", TEXT]);
  });

  test("a wrong method: 405, with the right ones in Allow", async () => {
    const { send } = await start();
    for (const method of ["DELETE", "PATCH", "OPTIONS"]) {
      const answer = await send(method, "/v1/jobs");
      expect([answer.status, answer.text, answer.headers.allow]).toEqual([405, "Invalid method", "GET, PUT, POST"]);
    }
    const head = await send("HEAD", "/v1/jobs");
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([405, "", "14"]);
    expect((await send("POST", "/v1/system/gc")).headers.allow).toBe("PUT");
  });

  test("paths that are not written as they should be lead to those that are", async () => {
    const { get } = await start();
    const cases = [
      ["/", "/ui/"],
      ["/v1//jobs", "/v1/jobs"],
      ["/v1//jobs?prefix=a&x=1", "/v1/jobs?prefix=a&x=1"],
      ["/v1/x/../jobs", "/v1/jobs"],
      ["/v1/./jobs", "/v1/jobs"],
      ["//evil.example/", "/evil.example/"],
    ];
    for (const [from = "", to] of cases) {
      const answer = await get(from);
      expect([answer.status, answer.headers.location]).toEqual([307, to]);
    }
    expect((await get("/")).text).toBe('<a href="/ui/">Temporary Redirect</a>.\n\n');
  });
});

describe("answers", () => {
  test("header names are spelt as clients of the API know them", async () => {
    const { get, cluster } = await start();
    cluster.register("a");
    cluster.register("b");
    const { rawHeaders, headers } = await get("/v1/jobs?per_page=1");
    expect(namesOf(rawHeaders)).toEqual(
      expect.arrayContaining([
        "Content-Type",
        "Vary",
        "X-Nomad-Index",
        "X-Nomad-Knownleader",
        "X-Nomad-Lastcontact",
        "X-Nomad-Nexttoken",
        "Content-Length",
      ]),
    );
    expect(headers["content-type"]).toBe("application/json");
    expect(headers.vary).toBe("Accept-Encoding");
    expect(headers["x-powered-by"]).toBeUndefined();
    expect(headers.etag).toBeUndefined();
  });

  test("one row: its bytes, as they are stored or as rendered, plain, compressed, printed", async () => {
    const { get, cluster } = await start();
    cluster.register("web");
    const row = JSON.stringify(cluster.state.get("jobs", "default\0web"));
    for (let round = 0; round < 2; round++) {
      const plain = await get("/v1/job/web");
      expect([plain.status, plain.text, plain.headers["x-nomad-index"]]).toEqual([200, row, String(cluster.index)]);
      const gzip = await get("/v1/job/web", { "Accept-Encoding": "deflate, gzip;q=1.0" });
      expect(gzip.headers["content-encoding"]).toBe("gzip");
      expect(zlib.gunzipSync(gzip.bytes).toString()).toBe(row);
      expect((await get("/v1/job/web", { "Accept-Encoding": "gzip;q=0" })).text).toBe(row);
      expect((await get("/v1/job/web?pretty")).text).toBe(JSON.stringify(JSON.parse(row), null, 4));
    }
    cluster.register("web", { Priority: 77 });
    expect((await get("/v1/job/web")).json()).toMatchObject({ Priority: 77 });
  });

  test("a renderer's view of a row is kept apart from the row and from other renderers'", async () => {
    const withoutName = ({ Name: _, ...rest }: { Name: string }) => rest;
    const upper = ({ Name }: { Name: string }) => Name.toUpperCase();
    const { get, cluster } = await start({
      handlers: {
        getNode: (view) => ({ row: view.get("jobs", "default\0web") ?? {}, render: withoutName, index: 1 }),
        getAllocation: (view) => ({ row: view.get("jobs", "default\0web") ?? {}, render: upper, index: 1 }),
        listJobVersions: (view) => ({ rows: [...view.scan("jobs")], render: upper, index: 1 }),
      },
    });
    cluster.register("web");
    expect((await get("/v1/job/web")).json()).toHaveProperty("Name");
    expect((await get("/v1/node/x")).json()).not.toHaveProperty("Name");
    expect((await get("/v1/allocation/x")).text).toBe('"WEB"');
    expect((await get("/v1/job/web/versions")).text).toBe('["WEB"]');
  });

  test("a missing object: 404 with index and consistency headers", async () => {
    const { get } = await start();
    const answer = await get("/v1/job/none");
    expect([answer.status, answer.text, answer.headers["content-type"]]).toEqual([404, "job not found", TEXT]);
    expect(answer.headers).toMatchObject({ "x-nomad-knownleader": "true", "x-nomad-lastcontact": "0" });
  });

  test("writes: the index alone; an empty body where there is nothing to say", async () => {
    const { send } = await start({
      handlers: {
        collectGarbage: () => Promise.resolve({}),
        purgeNode: () => Promise.resolve({ status: 204, index: 3 }),
      },
    });
    const register = await send("PUT", "/v1/jobs", "{}");
    expect(register.headers).toMatchObject({ "x-nomad-index": "7", "content-type": "application/json" });
    expect(register.headers["x-nomad-knownleader"]).toBeUndefined();
    const empty = await send("PUT", "/v1/system/gc");
    expect([empty.status, empty.text, empty.headers["content-length"], empty.headers["content-type"]]).toEqual([
      200,
      "",
      "0",
      undefined,
    ]);
    const none = await send("PUT", "/v1/node/x/purge");
    expect([none.status, none.headers["x-nomad-index"], none.headers["content-length"]]).toEqual([204, "3", undefined]);
  });

  test("local answers: JSON, text, a status; errors are text without a newline", async () => {
    const { get } = await start({
      handlers: {
        getMetrics: () => ({ text: "# metrics\n", contentType: "text/plain; version=0.0.4" }),
        getAgentHealth: () => ({ data: { server: { ok: false } }, status: 500 }),
        getAgent: () => Promise.reject(new SteppeError("x", "Permission denied", 403)),
        getLeader: () => {
          throw new Error("a bug");
        },
      },
    });
    expect((await get("/v1/metrics")).headers["content-type"]).toBe("text/plain; version=0.0.4");
    const health = await get("/v1/agent/health");
    expect([health.status, health.text]).toEqual([500, '{"server":{"ok":false}}']);
    const denied = await get("/v1/agent/self");
    expect([denied.status, denied.text, denied.headers["content-type"]]).toEqual([403, "Permission denied", TEXT]);
    expect([(await get("/v1/status/leader")).status, (await get("/v1/status/leader")).text]).toEqual([500, "a bug"]);
  });
});

describe("bodies", () => {
  test("empty, broken, too large", async () => {
    const { send } = await start({ bodyBytesMax: 1000 });
    const empty = await send("PUT", "/v1/jobs");
    expect([empty.status, empty.text]).toEqual([400, "Request body is empty"]);
    const broken = await send("PUT", "/v1/jobs", '{"Job":');
    expect([broken.status, broken.text]).toEqual([400, "unexpected EOF"]);
    expect((await send("PUT", "/v1/jobs", `{"Job":{}} trailing`)).status).toBe(200);
    expect((await send("PUT", "/v1/job/web/evaluate")).status).toBe(200);
    const large = await send("PUT", "/v1/jobs", `{"a":"${"x".repeat(2000)}"}`).catch(() => undefined);
    if (large !== undefined) expect([large.status, large.headers.connection]).toEqual([413, "close"]);
  });

  test("chunked bodies are read, and bounded too", async () => {
    const { port } = await start({ bodyBytesMax: 1000 });
    const post = (chunks: string[]): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = http.request({ port, method: "PUT", path: "/v1/jobs", agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on("error", reject);
        for (const chunk of chunks) request.write(chunk);
        request.end();
      });
    expect(await post(['{"Job":', "{}}"])).toBe(200);
    expect(await post(['{"Job":"', "x".repeat(3000), '"}'])).toBe(413);
  });
});

describe("the server", () => {
  test("a port in use is said clearly", async () => {
    const { server, port } = await start();
    void server;
    const pipeline = makePipeline(new Cluster(), new FakeRaft());
    const { logger } = makeContext(new Cluster(), new FakeRaft());
    const second = createHttpServer({ pipeline, logger });
    await expect(listen(second, "127.0.0.1", port)).rejects.toMatchObject({
      code: "portInUse",
      message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    });
  });

  test("mounts are served after the API, by Express and compressed", async () => {
    const pipeline = makePipeline(new Cluster(), new FakeRaft());
    const { logger } = makeContext(new Cluster(), new FakeRaft());
    const page = (request: Request, response: Response): void => {
      if (request.path === "/broken") throw new Error("broken page");
      response.type("html").send(`<p>${request.query["x"] as string}</p>`.repeat(500));
    };
    const server = createHttpServer({ pipeline, logger, mounts: { "/ui/": page } });
    const { port } = await listen(server, "127.0.0.1", 0);
    const answer = await ask(port, "GET", "/ui/index.html?x=1", undefined, { "Accept-Encoding": "gzip" });
    expect(zlib.gunzipSync(answer.bytes).toString()).toContain("<p>1</p>");
    const broken = await ask(port, "GET", "/ui/broken");
    expect([broken.status, broken.text]).toEqual([500, "broken page"]);
    await closeServer(server, 0);
  });

  test("requests and responses have Express' prototypes from the start: nothing is changed in passing", async () => {
    const { server, port } = await start();
    const seen: boolean[] = [];
    const listeners = server.listeners("request") as ((request: object, response: object) => void)[];
    server.removeAllListeners("request");
    server.on("request", (request: object, response: object) => {
      const before = [Object.getPrototypeOf(request) as object, Object.getPrototypeOf(response) as object];
      for (const listener of listeners) listener(request, response);
      seen.push(before[0] === Object.getPrototypeOf(request), before[1] === Object.getPrototypeOf(response));
    });
    await ask(port, "GET", "/v1/jobs");
    expect(seen).toEqual([true, true]);
  });

  test("closing cuts blocking queries", async () => {
    const server = await run();
    const index = server.cluster.register("web");
    const answer = server.get(`/v1/jobs?index=${index}&wait=60s`).catch((error: Error) => error.message);
    while (server.pipeline.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await closeServer(server.server, 10);
    expect(await answer).toBe("socket hang up");
  });
});
