import { type Server as HttpServer } from "node:http";

import { systemClock, systemRandom } from "@steppe/shared";
import type { Message } from "raft-ts";

import type { Logger } from "../../src/context.js";
import { RpcTransport } from "../../src/rpc/transport.js";
import type { RpcHandlers } from "../../src/rpc/types.js";

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Waits for a condition; the bound only keeps a broken test from hanging. */
export async function until(condition: () => boolean, what = "the condition"): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface TestServer {
  readonly transport: RpcTransport;
  readonly messages: Message[];
  readonly unreachable: number[];
  readonly refused: number[];
  readonly address: string;
}

/** A transport with id `id` on a free port (or `port`), recording what it hears. */
export async function startTransport(
  id: number,
  handlers: Partial<RpcHandlers> = {},
  options: { port?: number; region?: string; httpServer?: HttpServer } = {},
): Promise<TestServer> {
  const messages: Message[] = [];
  const unreachable: number[] = [];
  const refused: number[] = [];
  const transport = new RpcTransport({
    identity: { region: options.region ?? "global", id },
    host: "127.0.0.1",
    port: options.port ?? 0,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...(options.httpServer === undefined ? {} : { httpServer: options.httpServer }),
  });
  await transport.start({
    onMessage: (message) => messages.push(message),
    onSnapshot: () => Promise.reject(new Error("no snapshots here")),
    onRequest: () => ({ status: 404, headers: {}, body: "" }),
    onUnreachable: (peer) => unreachable.push(peer),
    onRefused: (peer) => refused.push(peer),
    ...handlers,
  });
  return { transport, messages, unreachable, refused, address: `127.0.0.1:${transport.port}` };
}

/** Starts two transports (1 and 2), connected from 1 to 2; closes both in the end. */
export async function withPair(
  handlers: Partial<RpcHandlers>,
  fn: (a: TestServer, b: TestServer) => Promise<void>,
  httpServer?: HttpServer,
): Promise<void> {
  const a = await startTransport(1);
  const b = await startTransport(2, handlers, httpServer === undefined ? {} : { httpServer });
  try {
    a.transport.setPeer(2, b.address);
    await until(() => a.transport.isConnected(2), "the connection");
    await fn(a, b);
  } finally {
    await a.transport.close();
    await b.transport.close();
  }
}
