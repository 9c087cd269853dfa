// What a measurement is given: servers to measure, a place to record figures, and a way to say how far it is.
import { Cluster } from "./cluster.mjs";
import { requestOnce } from "./connection.mjs";
import { FIGURES } from "./figures.mjs";
import { median, formatFigure } from "./statistics.mjs";

/** Thrown where a measurement does not apply, such as one that kills servers on agents that are not ours to kill. */
export class Skipped extends Error {}

export class Context {
  /** @type {Map<string, { value: number, low: number, high: number, anchor?: number, note?: string }>} */
  results = new Map();
  warnings = [];

  constructor({ sizes, directory, addresses, region, basePort }) {
    Object.assign(this, { sizes, directory, addresses, region, basePort });
  }

  /** Progress, on stderr. */
  say(text) {
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text.trimEnd()}\n`);
  }

  warn(text) {
    this.warnings.push(text);
    this.say(`warning: ${text}\n`);
  }

  /** Notes a figure: the median of `values`, and beside it what the bare machine gave. */
  record(id, { values, anchor, note }) {
    const figure = FIGURES[id];
    if (figure === undefined || values.some((value) => !Number.isFinite(value))) {
      // Sizes and concurrencies outside of the table are for looking only.
      return this.say(`${id}: ${values.map((value) => formatFigure(value, figure?.unit ?? "")).join(", ")}\n`);
    }
    const result = { value: median(values), low: Math.min(...values), high: Math.max(...values), anchor, note };
    this.results.set(id, result);
    this.say(`${figure.label}: ${formatFigure(result.value, figure.unit)}\n`);
  }

  /** Notes the worst of several figures of one name. */
  recordWorst(id, value) {
    this.record(id, { values: [Math.max(value, this.results.get(id)?.value ?? -Infinity)] });
  }

  async repeat(id, measure) {
    const values = [];
    for (let i = 0; i < this.sizes.repetitions; i++) {
      this.say(`${FIGURES[id]?.label ?? id} (${i + 1} of ${this.sizes.repetitions})`);
      values.push(await measure());
    }
    return values;
  }

  /** Runs `use(servers)`, leader first, on a fresh cluster or on the agents of --addr. */
  async withServers(count, use) {
    if (this.addresses === undefined) {
      return this.withOwnCluster(count, async (cluster) => {
        const servers = await cluster.leaderFirst();
        await use(servers);
        const [leader] = await cluster.leaderFirst();
        if (leader !== servers[0])
          this.warn("the leader changed under load: the figures of this part are not the leader's");
      });
    }
    return use(await this.#givenServers());
  }

  /** Runs `use(cluster)` on a fresh cluster, which is removed afterwards; with `start` false, `use` starts it. */
  async withOwnCluster(count, use, { start = true } = {}) {
    if (this.addresses !== undefined) throw new Skipped("needs servers of its own, which --addr does not give");
    const cluster = new Cluster({ name: `c${count}`, count, basePort: this.basePort, directory: this.directory });
    this.say(`starting ${count} server${count > 1 ? "s" : ""}`);
    try {
      if (start) await cluster.start();
      return await use(cluster);
    } finally {
      await cluster.remove();
    }
  }

  /** Runs `use(server, region)`: a server of another region, through which `region` is to be read. */
  async withOtherRegion(servers, use) {
    if (this.addresses !== undefined) {
      if (this.region === undefined) return undefined;
      return use(servers[0], this.region);
    }
    const options = {
      name: "other",
      region: "other",
      count: 1,
      basePort: this.basePort + 100,
      directory: this.directory,
    };
    const cluster = new Cluster({ ...options, join: servers.map((server) => server.serf) });
    try {
      await cluster.start();
      return await use(cluster.servers[0], "global");
    } finally {
      await cluster.remove();
    }
  }

  async #givenServers() {
    const seen = await Promise.all(
      this.addresses.map(async (address) => {
        const { json } = await requestOnce(address, "GET", "/v1/agent/self");
        return { address, leads: json?.stats?.raft?.state === "Leader" };
      }),
    );
    return seen.sort((a, b) => Number(b.leads) - Number(a.leads));
  }
}
