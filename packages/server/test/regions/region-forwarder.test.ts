import http from "node:http";

import { afterEach, describe, expect, test } from "@jest/globals";
import { seededRandom } from "@steppe/shared";

import { RegionForwarder } from "../../src/regions/region-forwarder.js";
import { idsOf, run, type RunOptions, type Running, until } from "../http/fixture.js";

const running: Running[] = [];
const forwarders: RegionForwarder[] = [];
afterEach(async () => {
  for (const forwarder of forwarders.splice(0)) forwarder.close();
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function start(options: RunOptions = {}): Promise<Running> {
  const server = await run(options);
  running.push(server);
  return server;
}

/** A server of region `global` that knows these servers of the others. */
async function startWith(addresses: Record<string, readonly string[]>, region = "global"): Promise<Running> {
  const forwarder = new RegionForwarder({
    region,
    regionServers: (name) => (addresses[name] ?? []).map((address) => ({ address })),
    random: seededRandom(3),
    connectTimeoutMs: 1000,
  });
  forwarders.push(forwarder);
  return start({ region, forwardToRegion: (request, name) => forwarder.forward(request, name) });
}

const addressOf = (server: Running): string => `127.0.0.1:${server.port}`;

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const server = await run();
  await server.stop();
  return addressOf(server);
}

describe("requests for other regions", () => {
  test("reads go there and come back, status, headers and all", async () => {
    const west = await start({ region: "west" });
    west.cluster.register("in-the-west");
    const here = await startWith({ west: [addressOf(west)] });
    const answer = await here.get("/v1/jobs?region=west&namespace=*");
    expect(idsOf(answer)).toEqual(["in-the-west"]);
    expect(answer.headers["x-nomad-index"]).toBe(String(west.cluster.index));
    expect(answer.rawHeaders).toContain("X-Nomad-Knownleader");
    const missing = await here.get("/v1/job/none?region=west");
    expect([missing.status, missing.text]).toEqual([404, "job not found"]);
  });

  test("the own region is not another one; what is about this agent stays here", async () => {
    const here = await startWith({});
    expect((await here.get("/v1/jobs?region=global")).status).toBe(200);
    expect((await here.get("/v1/jobs?region=")).status).toBe(200);
    expect((await here.get("/v1/agent/self?region=west")).status).toBe(200);
  });

  test("writes go there with their bodies, however they are sent", async () => {
    const bodies: unknown[] = [];
    const west = await start({
      region: "west",
      handlers: {
        registerJob: (_, { body, header }) => {
          bodies.push([body, header("x-nomad-token")]);
          return Promise.resolve({ data: { ok: true }, index: 3 });
        },
      },
    });
    const here = await startWith({ west: [addressOf(west)] });
    const answer = await here.send("PUT", "/v1/jobs?region=west", '{"Job":{"ID":"x"}}', { "X-Nomad-Token": "t" });
    expect([answer.status, answer.headers["x-nomad-index"]]).toEqual([200, "3"]);
    const chunked = await here.send("POST", "/v1/jobs?region=west", '{"a":1}', { "Transfer-Encoding": "chunked" });
    expect(chunked.status).toBe(200);
    expect(bodies).toEqual([
      [{ Job: { ID: "x" } }, "t"],
      [{ a: 1 }, undefined],
    ]);
  });

  test("a long answer is streamed, and compressed over there", async () => {
    const west = await start({ region: "west" });
    for (let n = 0; n < 300; n++) west.cluster.register(`job-${n}`);
    const here = await startWith({ west: [addressOf(west)] });
    expect(idsOf(await here.get("/v1/jobs?region=west"))).toHaveLength(300);
    const gzip = await here.get("/v1/jobs?region=west", { "Accept-Encoding": "gzip" });
    expect(gzip.headers["content-encoding"]).toBe("gzip");
  });

  test("a region that nobody knows", async () => {
    const here = await startWith({});
    const answer = await here.get("/v1/jobs?region=mars");
    expect(answer.text).toBe("No path to region");
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test("a server that is down is replaced by another, for writes as well", async () => {
    const west = await start({ region: "west" });
    const here = await startWith({ west: [await deadAddress(), await deadAddress(), addressOf(west)] });
    for (let n = 0; n < 4; n++) {
      expect((await here.get("/v1/jobs?region=west")).status).toBe(200);
      expect((await here.send("PUT", "/v1/jobs?region=west", "{}")).status).toBe(200);
    }
  });

  test("no server answers: said so", async () => {
    const here = await startWith({ west: [await deadAddress()] });
    const answer = await here.get("/v1/jobs?region=west");
    expect([answer.status, answer.text]).toEqual([502, expect.stringContaining("No server of region west answers")]);
  });

  test("a write whose server dies in the middle is not sent to another", async () => {
    let asked = 0;
    const dying = http.createServer((request) => {
      asked++;
      request.socket.destroy();
    });
    await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
    const { port } = dying.address() as { port: number };
    const here = await startWith({ west: [`127.0.0.1:${port}`, `127.0.0.1:${port}`] });
    const answer = await here.send("PUT", "/v1/jobs?region=west", "{}");
    expect([answer.status, asked]).toEqual([500, 1]);
    expect(answer.text).toContain("may or may not have been done");
    expect((await here.get("/v1/jobs?region=west")).status).toBe(502);
    expect(asked).toBe(3);
    dying.close();
  });

  test("regions that send a request in a circle are stopped", async () => {
    const addresses: Record<string, string[]> = { west: [], east: [] };
    const west = await startWith(addresses, "elsewhere");
    addresses["west"]?.push(addressOf(west));
    const here = await startWith(addresses);
    const answer = await here.get("/v1/jobs?region=west");
    expect(answer.status).toBe(508);
  });

  test("a blocking query is given up over there when the client goes", async () => {
    const west = await start({ region: "west" });
    const index = west.cluster.register("a");
    const here = await startWith({ west: [addressOf(west)] });
    const path = `/v1/jobs?region=west&index=${index}&wait=60s`;
    const request = http.get({ port: here.port, path, agent: false }).on("error", () => undefined);
    await until(() => west.pipeline.waiting === 1, "one waiting in the west");
    request.destroy();
    await until(() => west.pipeline.waiting === 0, "nobody waiting in the west");
  });
});
