import type { Client } from "@steppe/client";
import { formatDuration } from "@steppe/shared";

/** Whether the client part works: it does once a server has answered it. */
export function clientHealth(client: Client | undefined): { ok: boolean; message: string } {
  const ok = client?.stats().lastContactMs !== undefined;
  return { ok, message: ok ? "ok" : "no server has answered this client yet" };
}

/** The section `client` of an agent's statistics: texts, as people and the command line read them. */
export function clientStatistics(client: Client | undefined): Record<string, string> {
  if (client === undefined) return {};
  const { nodeId, knownServers, lastContactMs, heartbeatTtlMs, allocations } = client.stats();
  return {
    node_id: nodeId,
    known_servers: knownServers.join(","),
    num_allocations: String(allocations),
    last_heartbeat: lastContactMs === undefined ? "never" : formatDuration(Math.round(lastContactMs) * 1e6),
    heartbeat_ttl: formatDuration(Math.round(heartbeatTtlMs) * 1e6),
  };
}
