import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type RunningAgent, startAgent } from "./agent.js";
import {
  type ConfigurationFile,
  loadConfiguration,
  mergeConfiguration,
  resolveConfiguration,
} from "./configuration/index.js";
import { createLogger } from "./logger.js";

export interface AgentArguments {
  /** Server and client in one process, with state that is gone at the end. */
  readonly dev: boolean;
  /** Configuration files and directories, later ones above earlier ones. */
  readonly paths: readonly string[];
  /** What the command line says, above all files. */
  readonly flags: readonly ConfigurationFile[];
}

/** How long a clean stop may take before the process ends all the same. */
const STOP_TIMEOUT_MS = 10_000;

/** Runs an agent in this process until SIGINT, SIGTERM or a fatal error; resolves with the exit code. */
export async function runAgentProcess({ dev, paths, flags }: AgentArguments): Promise<number> {
  const file = [...paths.map(loadConfiguration), ...flags].reduce(mergeConfiguration, {});
  const temporary = dev && file.data_dir === undefined ? mkdtempSync(join(tmpdir(), "steppe-dev-")) : undefined;
  try {
    const configuration = resolveConfiguration(file, {
      dev,
      ...(temporary === undefined ? {} : { dataDir: temporary }),
    });
    const logger = createLogger(configuration);
    let fatal: ((code: number) => void) | undefined;
    const failed = new Promise<number>((resolve) => (fatal = resolve));
    const agent = await startAgent(configuration, logger, (error) => {
      logger.error(error.message);
      fatal?.(1);
    });
    logger.info(
      `Steppe agent ${configuration.name} (${agent.roles.join(" and ")}) listens on http://${configuration.advertise.http}`,
    );
    const stopped = untilSignal().then(async (signal) => {
      logger.info(`${signal}: stopping`);
      const leave = signal === "SIGINT" ? configuration.leaveOnInterrupt : configuration.leaveOnTerminate;
      return stopWithin(agent, leave);
    });
    return await Promise.race([stopped, failed]);
  } finally {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  }
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
}

async function stopWithin(agent: RunningAgent, leave: boolean): Promise<number> {
  const timeout = new Promise<number>((resolve) => setTimeout(() => resolve(1), STOP_TIMEOUT_MS).unref());
  return Promise.race([agent.stop({ leave }).then(() => 0), timeout]);
}
