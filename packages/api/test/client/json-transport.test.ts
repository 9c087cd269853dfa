import * as http from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";

import { ApiClient } from "../../src/client/api-client.js";
import { createJsonTransport, splitAddress } from "../../src/client/json-transport.js";

let server: http.Server | undefined;

async function serve(handler: http.RequestListener): Promise<string> {
  server = http.createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe("json transport", () => {
  test("sends JSON and returns data with the headers' meaning", async () => {
    const sockets = new Set<unknown>();
    const address = await serve((request, response) => {
      sockets.add(request.socket);
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(200, { "X-Nomad-Index": "17", "X-Nomad-KnownLeader": "true" });
        response.end(
          JSON.stringify({
            method: request.method,
            url: request.url,
            body: JSON.parse(Buffer.concat(chunks).toString()),
          }),
        );
      });
    });
    const transport = createJsonTransport();
    for (let i = 0; i < 3; i++) {
      const answer = await transport.request({
        method: "PUT",
        address,
        path: "/v1/x?a=1",
        body: { i },
        timeoutMs: 5_000,
      });
      expect(answer).toMatchObject({
        data: { method: "PUT", url: "/v1/x?a=1", body: { i } },
        index: 17,
        knownLeader: true,
      });
    }
    expect(sockets.size).toBe(1);
    transport.close();
  });

  test("an error answer carries status and text", async () => {
    const address = await serve((_, response) => response.writeHead(404).end("node not found"));
    const transport = createJsonTransport();
    await expect(transport.request({ method: "GET", address, path: "/", timeoutMs: 5_000 })).rejects.toMatchObject({
      code: "unexpectedResponse",
      status: 404,
      message: "Unexpected response code: 404 (node not found)",
    });
    transport.close();
  });

  test("timeout, abort and refused connections are told apart", async () => {
    const address = await serve(() => undefined);
    const transport = createJsonTransport();
    await expect(transport.request({ method: "GET", address, path: "/", timeoutMs: 30 })).rejects.toMatchObject({
      code: "timedOut",
    });
    const controller = new AbortController();
    const pending = transport.request({
      method: "GET",
      address,
      path: "/",
      timeoutMs: 60_000,
      signal: controller.signal,
    });
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: "aborted" });
    await expect(
      transport.request({ method: "GET", address: "127.0.0.1:1", path: "/", timeoutMs: 5_000 }),
    ).rejects.toMatchObject({ code: "unreachable" });
    transport.close();
  });

  test("addresses split at the last colon", () => {
    expect(splitAddress("[::1]:4646")).toEqual({ host: "::1", port: 4646 });
    expect(splitAddress("node-1.example:80")).toEqual({ host: "node-1.example", port: 80 });
  });
});

describe("api client", () => {
  test("adds region, namespace and token, escapes ids, and reports the server's text", async () => {
    const seen: { url: string | undefined; token: unknown }[] = [];
    const address = await serve((request, response) => {
      seen.push({ url: request.url, token: request.headers["x-nomad-token"] });
      if (request.url?.startsWith("/v1/job/"))
        return response.writeHead(200, { "X-Nomad-Index": "5" }).end('{"ID":"a/b"}');
      return response.writeHead(403).end("Permission denied");
    });
    const client = new ApiClient({ address: `http://${address}/`, region: "global", namespace: "ns", token: "t0" });
    expect(await client.job("a/b c")).toMatchObject({ data: { ID: "a/b" }, index: 5 });
    await expect(client.put("/v1/jobs", { Job: {} }, { namespace: "other" })).rejects.toMatchObject({
      status: 403,
      message: "Unexpected response code: 403 (Permission denied)",
    });
    expect(seen).toEqual([
      { url: "/v1/job/a%2Fb%20c?region=global&namespace=ns", token: "t0" },
      { url: "/v1/jobs?region=global&namespace=other", token: "t0" },
    ]);
  });

  test("a server that is not there is unreachable", async () => {
    await expect(new ApiClient({ address: "http://127.0.0.1:1" }).get("/v1/jobs")).rejects.toMatchObject({
      code: "unreachable",
    });
  });
});
