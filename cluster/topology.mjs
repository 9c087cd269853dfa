// The runnable topologies as data: which agents there are, and the configuration of each. Used by `npm run cluster`,
// by the tests with real processes, and (through the files in cluster/compose) mirrored by docker-compose.yml.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {{ name: string, region: string, role: "server" | "client", config: object, file: string,
 *   http: string, rpc: string, serf: string, dataDir: string }} Agent
 */

/** Region `global`: three servers and two clients; region `eu`: one server and one client; federated. */
export const TWO_REGIONS = [
  { name: "global-1", region: "global", role: "server" },
  { name: "global-2", region: "global", role: "server" },
  { name: "global-3", region: "global", role: "server" },
  { name: "eu-1", region: "eu", role: "server" },
  { name: "global-client-1", region: "global", role: "client" },
  { name: "global-client-2", region: "global", role: "client" },
  { name: "eu-client-1", region: "eu", role: "client" },
];

/** Three servers of one region, and no more. */
export const THREE_SERVERS = TWO_REGIONS.slice(0, 3);

/**
 * Gives every agent its ports on loopback and writes its configuration file into `directory`.
 * @param {readonly { name: string, region: string, role: "server" | "client", config?: object }[]} agents
 * @param {{ directory: string, basePort: number, config?: object, server?: object, client?: object }} options
 * @returns {Agent[]}
 */
export function layOut(agents, options) {
  const placed = agents.map((agent, index) => ({
    ...agent,
    http: `127.0.0.1:${options.basePort + 10 * index}`,
    rpc: `127.0.0.1:${options.basePort + 10 * index + 1}`,
    serf: `127.0.0.1:${options.basePort + 10 * index + 2}`,
    dataDir: join(options.directory, agent.name),
    file: join(options.directory, `${agent.name}.json`),
  }));
  mkdirSync(options.directory, { recursive: true });
  return placed.map((agent) => {
    const config = configuration(agent, placed, options);
    writeFileSync(agent.file, `${JSON.stringify(config, null, 2)}\n`);
    return { ...agent, config };
  });
}

function configuration(agent, all, options) {
  const port = (address) => Number(address.split(":")[1]);
  const servers = all.filter((other) => other.role === "server");
  const own = servers.filter((other) => other.region === agent.region);
  return {
    name: agent.name,
    region: agent.region,
    datacenter: "dc1",
    data_dir: agent.dataDir,
    bind_addr: "127.0.0.1",
    log_level: "WARN",
    ports: { http: port(agent.http), rpc: port(agent.rpc), serf: port(agent.serf) },
    ...options.config,
    ...(agent.role === "server"
      ? {
          server: {
            enabled: true,
            bootstrap_expect: own.length,
            server_join: { retry_join: servers.map((server) => server.serf), retry_interval: "1s" },
            ...options.server,
          },
        }
      : {
          client: {
            enabled: true,
            servers: own.map((server) => server.http),
            options: { "driver.raw_exec.enable": "true", "driver.mock_driver.enable": "true" },
            ...options.client,
          },
        }),
    ...agent.config,
  };
}
