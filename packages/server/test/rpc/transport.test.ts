import { createServer, get } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";

import { describe, expect, test } from "@jest/globals";
import { EntryType, type Message, MessageType, newMessage } from "raft-ts";

import type { RpcCall, RpcRequest } from "../../src/rpc/types.js";
import { startTransport, until, withPair } from "./fixtures.js";

const request = (url: string, body?: Buffer): RpcRequest => ({
  method: "PUT",
  url,
  headers: { a: "b" },
  body,
  remoteAddress: "::1",
});
const message = (index: number): Message => newMessage(MessageType.msgApp, 2, { from: 1, term: 1, index });

async function text(body: Buffer | string | Readable): Promise<string> {
  if (typeof body === "string") return body;
  if (Buffer.isBuffer(body)) return body.toString();
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** Sends raw bytes to the port and resolves when the connection has been closed from the other side. */
function closedBy(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket: Socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (data) => (answer += data.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

describe("messages", () => {
  test("arrive in order", () =>
    withPair({}, async (a, b) => {
      for (let i = 1; i <= 5000; i++) a.transport.send(message(i));
      await until(() => b.messages.length === 5000);
      expect(b.messages.map((m) => m.index)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
      expect(a.unreachable).toEqual([]);
    }));

  test("from or to somebody else are ignored", () =>
    withPair({}, async (a, b) => {
      a.transport.send({ ...message(1), from: 3 });
      a.transport.send(message(2));
      await until(() => b.messages.length > 0);
      expect(b.messages.map((m) => m.index)).toEqual([2]);
    }));

  test("to an unknown or unconnected peer are reported", async () => {
    const a = await startTransport(1);
    a.transport.send(message(1));
    a.transport.setPeer(2, "127.0.0.1:1");
    a.transport.send(message(2));
    expect(a.unreachable).toEqual([2, 2]);
    await a.transport.close();
  });

  test("are dropped and reported when the peer stops reading, and flow again afterwards", async () => {
    // The peer takes the hello and then nothing more.
    let peerSocket: Socket | undefined;
    const stalled = (await import("node:net")).createServer((socket) => {
      peerSocket = socket;
      socket.once("data", () => {
        socket.pause();
        socket.write(hello);
      });
    });
    await new Promise<void>((resolve) => stalled.listen(0, "127.0.0.1", resolve));
    const { encodeFrame, FrameKind } = await import("../../src/rpc/frames.js");
    const hello = encodeFrame(FrameKind.hello, { protocol: 1, region: "global", from: 2, to: 1 });
    const a = await startTransport(1);
    a.transport.setPeer(2, `127.0.0.1:${(stalled.address() as { port: number }).port}`);
    await until(() => a.transport.isConnected(2));
    const entries = [{ index: 1, term: 1, type: EntryType.normal, data: Buffer.alloc(1024 * 1024) }];
    let sent = 0;
    while (a.unreachable.length === 0 && sent < 200) {
      a.transport.send({ ...message(1), entries });
      a.transport.flush();
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(80);
    expect(a.transport.isConnected(2)).toBe(true);
    peerSocket!.resume();
    await until(() => {
      a.unreachable.length = 0;
      a.transport.send(message(1));
      return a.unreachable.length === 0;
    }, "room in the queue");
    await a.transport.close();
    stalled.close();
  });
});

describe("connections", () => {
  test("are made again, also at a new address; a refusal after a loss is reported", async () => {
    const a = await startTransport(1);
    const b = await startTransport(2);
    const port = b.transport.port;
    a.transport.setPeer(2, b.address);
    await until(() => a.transport.isConnected(2));
    expect(a.refused).toEqual([]);
    await b.transport.close();
    await until(() => a.refused.length > 0, "the refusal");
    const again = await startTransport(2, {}, { port });
    await until(() => a.transport.isConnected(2), "the second connection");
    a.transport.send(message(7));
    await until(() => again.messages.length === 1);
    const elsewhere = await startTransport(2);
    a.transport.setPeer(2, elsewhere.address);
    await until(() => {
      a.transport.send(message(8));
      return elsewhere.messages.length > 0;
    }, "the connection to the new address");
    for (const server of [a, again, elsewhere]) await server.transport.close();
  });

  test("to another server, region or version are refused with the reason", async () => {
    const { encodeFrame, FrameKind } = await import("../../src/rpc/frames.js");
    const b = await startTransport(2);
    const hellos = [
      [{ protocol: 1, region: "global", from: 1, to: 3 }, "another server lives"],
      [{ protocol: 1, region: "europe", from: 1, to: 2 }, "region global, not europe"],
      [{ protocol: 9, region: "global", from: 1, to: 2 }, "not 9"],
    ] as const;
    for (const [hello, reason] of hellos) {
      expect(await closedBy(b.transport.port, encodeFrame(FrameKind.hello, hello))).toContain(reason);
    }
    await b.transport.close();
  });

  test("of strangers are closed, and disturb nobody", () =>
    withPair({}, async (a, b) => {
      const { allocateFrame, encodeFrame, FrameKind } = await import("../../src/rpc/frames.js");
      const hello = encodeFrame(FrameKind.hello, { protocol: 1, region: "global", from: 9, to: 2 });
      const oversize = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
      const strange = [
        Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]),
        Buffer.from("SSH-2.0-OpenSSH\r\n"),
        encodeFrame(FrameKind.hello, null),
        encodeFrame(FrameKind.hello, { protocol: 1, region: "global", from: "x", to: 2 }),
        encodeFrame(FrameKind.request, [1, "GET", "/", {}, null, ""]),
        allocateFrame(FrameKind.hello, 2000),
        Buffer.concat([hello, oversize]),
        Buffer.concat([hello, allocateFrame(FrameKind.raftMessage, 0)]),
        Buffer.concat([hello, encodeFrame(FrameKind.request, "nonsense")]),
        Buffer.concat([hello, encodeFrame(99 as 1, null)]),
      ];
      for (const bytes of strange) await closedBy(b.transport.port, bytes);
      a.transport.send(message(1));
      await until(() => b.messages.length === 1);
    }));

  test("that speak HTTP go to the HTTP server", async () => {
    const httpServer = createServer((req, res) => res.end(`you asked for ${req.url}`));
    const b = await startTransport(2, {}, { httpServer });
    const body = await new Promise<string>((resolve, reject) => {
      get({ port: b.transport.port, host: "127.0.0.1", path: "/v1/status/leader", agent: false }, (res) => {
        let all = "";
        res.on("data", (piece) => (all += piece));
        res.on("end", () => resolve(all));
      }).on("error", reject);
    });
    expect(body).toBe("you asked for /v1/status/leader");
    // A method that comes letter by letter.
    const slow = await new Promise<string>((resolve) => {
      const socket = connect(b.transport.port, "127.0.0.1", () => {
        const bytes = "DELETE /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        socket.setNoDelay(true);
        void (async () => {
          for (const letter of bytes.slice(0, 9)) {
            socket.write(letter);
            await new Promise((next) => setTimeout(next, 2));
          }
          socket.write(bytes.slice(9));
        })();
      });
      let all = "";
      socket.on("data", (piece) => (all += piece.toString()));
      socket.on("close", () => resolve(all));
    });
    expect(slow).toContain("you asked for /x");
    await b.transport.close();
  });

  test("a port in use is named", async () => {
    const a = await startTransport(1);
    await expect(startTransport(2, {}, { port: a.transport.port })).rejects.toMatchObject({
      code: "portInUse",
      message: expect.stringContaining(String(a.transport.port)),
    });
    await a.transport.close();
  });
});

describe("requests", () => {
  test("are answered, many at once, whole or in chunks", () => {
    const big = "0123456789".repeat(500_000);
    return withPair(
      {
        onRequest: async ({ method, url, headers, body }) => {
          if (url === "/stream") return { status: 200, headers: {}, body: Readable.from([Buffer.from(big), "end"]) };
          await null;
          return {
            status: 201,
            headers: { "x-a": "1" },
            body: `${method} ${url} ${headers["a"]} ${body?.byteLength ?? 0}`,
          };
        },
      },
      async (a) => {
        const answers = await Promise.all(
          Array.from({ length: 500 }, (_, i) => a.transport.call(2, request(`/${i}`, Buffer.alloc(i)))),
        );
        expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 500 }, (_, i) => `PUT /${i} b ${i}`));
        expect(answers[0]).toMatchObject({ status: 201, headers: { "x-a": "1" } });
        const streams = await Promise.all([1, 2, 3].map(() => a.transport.call(2, request("/stream"))));
        for (const { body } of streams) expect(await text(body)).toBe(big + "end");
      },
    );
  });

  test("a reader that does not read stops only its own stream", () => {
    let produced = 0;
    const endless = async function* () {
      for (;;) {
        produced += 65536;
        yield Buffer.alloc(65536);
      }
    };
    return withPair(
      {
        onRequest: ({ url }) => ({
          status: 200,
          headers: {},
          body: url === "/endless" ? Readable.from(endless()) : "ok",
        }),
      },
      async (a) => {
        const { body } = await a.transport.call(2, request("/endless"));
        let last = -1;
        await until(() => last === (last = produced), "the stream to stand still");
        for (let i = 0; i < 50; i++) expect((await a.transport.call(2, request("/short"))).body).toBe("ok");
        expect(produced).toBeLessThan(8 * 1024 * 1024);
        (body as Readable).destroy();
        const stoppedAt = produced;
        expect((await a.transport.call(2, request("/short"))).body).toBe("ok");
        expect(produced - stoppedAt).toBeLessThan(4 * 1024 * 1024);
      },
    );
  });

  test("that are canceled abort the handler", () => {
    const calls: RpcCall[] = [];
    return withPair(
      {
        onRequest: (_, call) => {
          calls.push(call);
          return new Promise((resolve) =>
            call.signal.addEventListener("abort", () => resolve({ status: 499, headers: {}, body: "" })),
          );
        },
      },
      async (a) => {
        const controller = new AbortController();
        const answer = a.transport.call(2, request("/wait"), controller.signal);
        await until(() => calls.length === 1);
        controller.abort();
        await expect(answer).rejects.toMatchObject({ code: "canceled" });
        await until(() => calls[0]!.signal.aborted, "the abort");
        await expect(a.transport.call(2, request("/wait"), controller.signal)).rejects.toMatchObject({
          code: "canceled",
        });
      },
    );
  });

  test("fail fast, and tell what is known of their fate", async () => {
    const a = await startTransport(1);
    await expect(a.transport.call(2, request("/"))).rejects.toMatchObject({ code: "notSent" });
    const calls: RpcCall[] = [];
    const b = await startTransport(2, {
      onRequest: (_, call) => {
        calls.push(call);
        return new Promise(() => {});
      },
    });
    a.transport.setPeer(2, b.address);
    await expect(a.transport.call(2, request("/"))).rejects.toMatchObject({ code: "notSent" });
    await until(() => a.transport.isConnected(2));
    const answer = a.transport.call(2, request("/"));
    await until(() => calls.length === 1);
    const { signal } = calls[0]!;
    const failed = expect(answer).rejects.toMatchObject({ code: "unknownOutcome" });
    await b.transport.close();
    await failed;
    await until(() => signal.aborted, "the abort");
    await a.transport.close();
  });

  test("whose handler throws are answered without its text", () =>
    withPair({ onRequest: () => Promise.reject(new Error("secret")) }, async (a) => {
      const error = await a.transport.call(2, request("/")).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "remoteFailed" });
      expect(String(error)).not.toContain("secret");
    }));
});

describe("snapshots", () => {
  test("are streamed, and their fate comes back", () => {
    let received = 0;
    return withPair(
      {
        onSnapshot: async (from, header, chunks) => {
          expect([from, header]).toEqual([1, { index: 5 }]);
          for await (const chunk of chunks) received += (chunk as Buffer).byteLength;
          if (received % 2 === 1) throw new Error("I did not like it");
        },
      },
      async (a) => {
        const source = async function* (bytes: number) {
          for (let i = 0; i < 100; i++) yield Buffer.alloc(bytes);
        };
        await a.transport.sendSnapshot(2, { index: 5 }, source(50_000));
        expect(received).toBe(5_000_000);
        received = 1;
        await expect(a.transport.sendSnapshot(2, { index: 5 }, source(50_000))).rejects.toMatchObject({
          code: "snapshotFailed",
          message: expect.stringContaining("I did not like it"),
        });
      },
    );
  });

  test("whose source fails are refused on both sides", () => {
    let failure: unknown;
    return withPair(
      {
        onSnapshot: async (_from, _header, chunks) => {
          try {
            for await (const chunk of chunks) void chunk;
          } catch (error) {
            failure = error;
            throw error;
          }
        },
      },
      async (a) => {
        const source = async function* () {
          yield Buffer.alloc(10);
          throw new Error("the state is gone");
        };
        await expect(a.transport.sendSnapshot(2, {}, source())).rejects.toMatchObject({ code: "snapshotFailed" });
        await until(() => failure !== undefined);
      },
    );
  });
});
