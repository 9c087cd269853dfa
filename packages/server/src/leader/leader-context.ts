import type { ServerConfig, ServerContext } from "../context.js";

/** What the leader loops use of the server. `ServerContext` is one; tests make do with less. */
export type LeaderContext = Pick<ServerContext, "state" | "clock" | "random" | "logger" | "metrics" | "propose"> & {
  readonly config: Pick<ServerConfig, "minHeartbeatTTLMs" | "maxHeartbeatsPerSecond" | "heartbeatGraceMs">;
};

/** Runs only on the leader; `start` rebuilds everything from state. */
export interface LeaderLoop {
  start(): void;
  stop(): void;
}

/** Lets the event loop run whatever waits: Raft's messages first of all. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
