import { parseArgs } from "node:util";

import type { ConfigurationFile } from "@steppe/agent";

/** One flag of `steppe agent`: what it takes, and where its value goes in the configuration. */
interface Flag {
  readonly takes: "nothing" | "text" | "number" | "list";
  readonly help: string;
  readonly set?: (value: never) => ConfigurationFile;
}

const FLAGS: Readonly<Record<string, Flag>> = {
  dev: { takes: "nothing", help: "server and client in one process, with temporary state; for trying things out" },
  config: { takes: "list", help: "a configuration file, or a directory of them; may be given several times" },
  node: { takes: "text", help: "the agent's name", set: (name: string) => ({ name }) },
  region: { takes: "text", help: "the region, `global` by default", set: (region: string) => ({ region }) },
  dc: { takes: "text", help: "the datacenter, `dc1` by default", set: (datacenter: string) => ({ datacenter }) },
  bind: { takes: "text", help: "the address to listen on", set: (address: string) => ({ bind_addr: address }) },
  "data-dir": { takes: "text", help: "where the agent keeps its state", set: (path: string) => ({ data_dir: path }) },
  "log-level": {
    takes: "text",
    help: "TRACE, DEBUG, INFO, WARN, ERROR or OFF",
    set: (level: string) => ({ log_level: level }),
  },
  "log-json": { takes: "nothing", help: "log lines as JSON", set: () => ({ log_json: true }) },
  "http-port": {
    takes: "number",
    help: "the port of the HTTP API, 4646 by default",
    set: (http: number) => ({ ports: { http } }),
  },
  "rpc-port": {
    takes: "number",
    help: "the port of the servers' RPC, 4647 by default",
    set: (rpc: number) => ({ ports: { rpc } }),
  },
  "serf-port": {
    takes: "number",
    help: "the port of the member exchange, 4648 by default",
    set: (serf: number) => ({ ports: { serf } }),
  },
  server: { takes: "nothing", help: "act as a server", set: () => ({ server: { enabled: true } }) },
  "bootstrap-expect": {
    takes: "number",
    help: "how many servers to wait for before the first election",
    set: (expect: number) => ({ server: { bootstrap_expect: expect } }),
  },
  "retry-join": {
    takes: "list",
    help: "a server to join, tried until it answers",
    set: (join: string[]) => ({ server: { server_join: { retry_join: join } } }),
  },
  client: { takes: "nothing", help: "act as a client (node agent)", set: () => ({ client: { enabled: true } }) },
  servers: {
    takes: "list",
    help: "a server for the client to talk to",
    set: (servers: string[]) => ({ client: { servers } }),
  },
  "node-class": {
    takes: "text",
    help: "the client's node class",
    set: (value: string) => ({ client: { node_class: value } }),
  },
  "acl-enabled": { takes: "nothing", help: "require tokens", set: () => ({ acl: { enabled: true } }) },
};

export function agentHelp(): string {
  const lines = Object.entries(FLAGS).map(
    ([name, flag]) => `  -${(name + (flag.takes === "nothing" ? "" : "=VALUE")).padEnd(24)} ${flag.help}`,
  );
  return `Usage: steppe agent [-dev] [-config=FILE_OR_DIR ...] [flags]\n\nStarts an agent: a server, a client (node agent), or both.\nFlags take one or two dashes, and stand above the files.\n\n${lines.join("\n")}\n`;
}

/** Go's flag style: one dash is as good as two, and `-flag value` as good as `-flag=value`. */
export function parseAgentArguments(args: readonly string[]): {
  dev: boolean;
  paths: string[];
  flags: ConfigurationFile[];
} {
  const doubled = args.map((arg) => (/^-[a-z]/.test(arg) ? `-${arg}` : arg));
  const { values } = parseArgs({
    args: doubled,
    strict: true,
    allowPositionals: false,
    options: Object.fromEntries(
      Object.entries(FLAGS).map(([name, flag]) => [
        name,
        {
          type: flag.takes === "nothing" ? ("boolean" as const) : ("string" as const),
          multiple: flag.takes === "list",
        },
      ]),
    ),
  });
  const flags = Object.entries(values).flatMap(([name, value]) => {
    const flag = FLAGS[name];
    return flag?.set === undefined ? [] : [flag.set((flag.takes === "number" ? Number(value) : value) as never)];
  });
  return { dev: values["dev"] === true, paths: (values["config"] ?? []) as string[], flags };
}

/** Runs an agent until it is told to stop; resolves with the exit code. */
export async function runAgent(args: readonly string[]): Promise<number> {
  const parsed = parseAgentArguments(args);
  const { runAgentProcess } = await import("@steppe/agent");
  return runAgentProcess(parsed);
}
