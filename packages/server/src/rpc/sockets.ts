import { connect, createServer, type Server, type Socket } from "node:net";

import { errorMessage } from "@steppe/shared";

import { rpcErrors } from "./errors.js";

// The only place where the servers' connections are made: TLS goes here.

/** An address as `host:port` or `[v6]:port`. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port > 65535) return undefined;
  return { host: match[1] ?? match[2]!, port };
}

/** Begins to connect. The caller handles `connect`, `error` and `close`. */
export function dial(host: string, port: number): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
  return socket;
}

/** Accepts connections. Rejects with `portInUse` or `listenFailed`. */
export function listen(host: string, port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 }, onConnection);
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const values = { host, port, reason: errorMessage(error) };
      reject(error.code === "EADDRINUSE" ? rpcErrors.portInUse(values, error) : rpcErrors.listenFailed(values, error));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      resolve(server);
    });
  });
}
