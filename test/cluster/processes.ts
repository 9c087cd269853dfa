import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { layOut } from "../../cluster/topology.mjs";

const steppe = fileURLToPath(new URL("../../packages/cli/bin/steppe.js", import.meta.url));

/** How long a condition may take on a machine that does other things too. It never decides what is right. */
export const PATIENCE_MS = 60_000;

export interface AgentPlan {
  readonly name: string;
  readonly region: string;
  readonly role: "server" | "client";
  readonly config?: object;
}

interface Placed extends AgentPlan {
  readonly http: string;
  readonly rpc: string;
  readonly serf: string;
  readonly file: string;
  readonly dataDir: string;
}

/** One answer of an agent. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Agents as real processes on loopback, each with its own data directory; ends only what it started. */
export class Processes {
  readonly agents: readonly Placed[];
  readonly directory: string;
  readonly #running = new Map<string, ChildProcess>();

  private constructor(agents: readonly Placed[], directory: string) {
    this.agents = agents;
    this.directory = directory;
  }

  static async layOut(
    plan: readonly AgentPlan[],
    options: { config?: object; server?: object; client?: object } = {},
  ): Promise<Processes> {
    const directory = mkdtempSync(join(tmpdir(), "steppe-cluster-"));
    const basePort = await freePorts(plan.length * 10);
    return new Processes(layOut(plan, { directory, basePort, ...options }) as Placed[], directory);
  }

  agent(name: string): Placed {
    const found = this.agents.find((agent) => agent.name === name);
    if (found === undefined) throw new Error(`no agent ${name}`);
    return found;
  }

  start(name: string): void {
    const agent = this.agent(name);
    const child = spawn(process.execPath, [steppe, "agent", `-config=${agent.file}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(join(this.directory, `${name}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#running.set(name, child);
    child.on("exit", () => {
      if (this.#running.get(name) === child) this.#running.delete(name);
    });
  }

  startAll(): void {
    for (const agent of this.agents) this.start(agent.name);
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  running(): readonly Placed[] {
    return this.agents.filter((agent) => this.#running.has(agent.name));
  }

  pid(name: string): number | undefined {
    return this.#running.get(name)?.pid;
  }

  /** Sends a signal and waits until the process is gone; resolves with its exit code. */
  async kill(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#running.get(name);
    if (child === undefined) return null;
    const gone = once(child, "exit");
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    this.#running.delete(name);
    return code;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name, "SIGTERM")));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async request(
    name: string,
    path: string,
    options: { method?: string; body?: unknown; timeoutMs?: number } = {},
  ): Promise<Answer> {
    const { method = "GET", body, timeoutMs = 20_000 } = options;
    const response = await fetch(`http://${this.agent(name).http}${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** The JSON of a successful answer. */
  async json<T>(name: string, path: string, options?: { method?: string; body?: unknown }): Promise<T> {
    const answer = await this.request(name, path, options);
    if (answer.status !== 200) throw new Error(`${path} at ${name}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as T;
  }

  /** The server that all running servers of the region agree to be the leader; undefined where they do not. */
  async leader(region: string): Promise<string | undefined> {
    const servers = this.running().filter((agent) => agent.role === "server" && agent.region === region);
    const said = await Promise.all(
      servers.map((server) => this.json<string>(server.name, "/v1/status/leader").catch(() => "")),
    );
    const address = said[0];
    if (address === undefined || address === "" || said.some((other) => other !== address)) return undefined;
    return servers.find((server) => server.rpc === address)?.name;
  }

  waitForLeader(region: string): Promise<string> {
    return waitFor(() => this.leader(region), `a leader of ${region} that all its servers know`);
  }
}

/** Tries until `check` gives something other than undefined or false; its own errors count as "not yet". */
export async function waitFor<T>(
  check: () => Promise<T | undefined | false>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  let lastError: unknown;
  while (Date.now() < deadline) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      lastError = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(
    `waited ${patienceMs} ms in vain for ${what}${lastError === undefined ? "" : `: ${String(lastError)}`}`,
  );
}

/** A range of ports that nobody listens on, below the range that the kernel hands out. */
async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 21_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: count }, (_, offset) => base + offset);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no free range of ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
