// Real clusters of server processes on loopback, by configuration files: started, killed, restarted, removed.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { requestOnce } from "./connection.mjs";
import { endProcess, isRunning, startProcess } from "./processes.mjs";
import { pause } from "./api.mjs";
import { steppe } from "../prepare.mjs";

/** The script that is started as `SCRIPT agent -config=FILE`: this checkout's, unless another one is to be measured. */
export const agentScript = process.env.BENCH_AGENT ?? steppe;
const START_TIMEOUT_MS = 30_000;

/**
 * @typedef {{ name: string, address: string, rpc: string, serf: string, file: string, log: string, dataDir: string,
 *   process?: import("node:child_process").ChildProcess }} Server
 */

export class Cluster {
  /** @type {Server[]} */
  servers = [];

  /** @param {{ name: string, region?: string, count: number, basePort: number, directory: string, join?: string[] }} options */
  constructor({ name, region = "global", count, basePort, directory, join: others = [] }) {
    this.directory = join(directory, name);
    this.others = others;
    this.region = region;
    for (let i = 0; i < count; i++) {
      const port = basePort + 10 * i;
      this.servers.push({
        name: `${name}-${i + 1}`,
        address: `http://127.0.0.1:${port}`,
        rpc: `127.0.0.1:${port + 1}`,
        serf: `127.0.0.1:${port + 2}`,
        file: join(this.directory, `${i + 1}.json`),
        log: join(this.directory, `${i + 1}.log`),
        dataDir: join(this.directory, `data-${i + 1}`),
      });
    }
  }

  /** Writes the configurations and starts all servers; with `wait`, resolves when all of them know one leader. */
  async start({ wait = true } = {}) {
    rmSync(this.directory, { recursive: true, force: true });
    for (const server of this.servers) {
      mkdirSync(server.dataDir, { recursive: true });
      writeFileSync(server.file, JSON.stringify(this.#configuration(server), null, 2));
      this.startServer(server);
    }
    if (wait) await this.leaderFirst();
    return this;
  }

  startServer(server) {
    server.process = startProcess(process.execPath, [agentScript, "agent", `-config=${server.file}`], server.log);
  }

  async kill(server, signal = "SIGKILL") {
    await endProcess(server.process, signal);
  }

  /** The running servers, leader first, once they agree on it. */
  async leaderFirst() {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const up = this.servers.filter((server) => isRunning(server.process));
      if (up.length === 0) break;
      const seen = await Promise.all(up.map((server) => leaderSeenBy(server.address)));
      const leader = up.find((server) => seen.every((address) => address === server.rpc));
      if (leader) return [leader, ...up.filter((server) => server !== leader)];
      await pause(20);
    }
    throw new Error(`no leader within ${START_TIMEOUT_MS / 1000} s; see ${this.directory}/*.log`);
  }

  /** Ends all servers and removes their files. */
  async remove() {
    await Promise.all(this.servers.map((server) => server.process && endProcess(server.process)));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #configuration(server) {
    const [http, rpc, serf] = [server.address, server.rpc, server.serf].map((address) =>
      Number(address.split(":").at(-1)),
    );
    return {
      name: server.name,
      region: this.region,
      datacenter: "dc1",
      data_dir: server.dataDir,
      bind_addr: "127.0.0.1",
      log_level: "ERROR",
      disable_update_check: true,
      ports: { http, rpc, serf },
      advertise: { http: `127.0.0.1:${http}`, rpc: server.rpc, serf: server.serf },
      server: {
        enabled: true,
        bootstrap_expect: this.servers.length,
        server_join: { retry_join: [...this.servers.map((peer) => peer.serf), ...this.others], retry_interval: "1s" },
      },
      limits: { http_max_conns_per_client: 0, rpc_max_conns_per_client: 0 },
    };
  }
}

async function leaderSeenBy(address) {
  try {
    return (await requestOnce(address, "GET", "/v1/status/leader", { timeoutMs: 2000 })).json;
  } catch {
    return undefined;
  }
}
