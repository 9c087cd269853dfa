import net from "node:net";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

// The load generator is plain JavaScript, run without a build.
const { Connection } = (await import("../../scripts/bench/connection.mjs" as string)) as {
  Connection: {
    open(address: string): Promise<{
      request(method: string, path: string, options?: object): Promise<Answer>;
      close(): void;
      connected: boolean;
    }>;
  };
};
interface Answer {
  status: number;
  bytes: number;
  body: string;
  header(name: string): string | undefined;
}

const ANSWERS: Record<string, string[]> = {
  "/length": ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\nX-Nomad-Index: 7\r\n\r", "\nhel", "lo"],
  "/chunked": [
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r",
    "\nabc\r\n",
    "1",
    "0;x=y\r\n0123456789abcdef\r\n0\r\n",
    "T: v\r\n\r\n",
  ],
  "/empty": ["HTTP/1.1 204 No Content\r\n\r\n"],
  "/close": ["HTTP/1.1 200 OK\r\n\r\nuntil ", "the end"],
};
let server: net.Server;
let address: string;

beforeAll(async () => {
  server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (request) => {
      const path = request.toString().split(" ")[1] ?? "";
      const pieces = [...(ANSWERS[path] ?? [])];
      const next = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) socket.write(piece, () => setTimeout(next, 2));
        else if (path === "/close") socket.end();
        else if (path === "/reset") socket.destroy();
      };
      next();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
});
afterAll(() => void server.close());

describe("a connection of the load generator", () => {
  test("reads every kind of body, however its bytes arrive, on one connection", async () => {
    const connection = await Connection.open(address);
    const read = (path: string): Promise<Answer> => connection.request("GET", path, { keepBody: true });
    const first = await read("/length");
    expect([first.status, first.body, first.header("x-nomad-index")]).toEqual([200, "hello", "7"]);
    const second = await read("/chunked");
    expect([second.status, second.body, second.bytes]).toEqual([404, "abc0123456789abcdef", 19]);
    expect((await read("/empty")).status).toBe(204);
    expect((await connection.request("GET", "/length")).body).toBe("");
    expect((await read("/close")).body).toBe("until the end");
    connection.close();
  });

  test("a broken or a silent connection rejects", async () => {
    const connection = await Connection.open(address);
    await expect(connection.request("GET", "/reset")).rejects.toThrow();
    await expect(connection.request("GET", "/length")).rejects.toThrow("not connected");
    const silent = await Connection.open(address);
    await expect(silent.request("GET", "/nothing", { timeoutMs: 50 })).rejects.toThrow("no answer within 50 ms");
  });
});
