import winston from "winston";

import type { Configuration } from "./configuration/index.js";

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3, trace: 4 };

/** The agent's log: one line an event on standard output, or JSON lines, or a file. */
export function createLogger(configuration: Pick<Configuration, "logLevel" | "logJson" | "logFile">): winston.Logger {
  const { combine, timestamp, json, printf } = winston.format;
  const line = printf(({ timestamp: at, level, message, ...fields }) => {
    const rest = Object.entries(fields).map(
      ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    return `${String(at)} [${level.toUpperCase()}] ${String(message)}${rest.join("")}`;
  });
  const silent = configuration.logLevel === "OFF";
  return winston.createLogger({
    levels: LEVELS,
    level: silent ? "error" : configuration.logLevel.toLowerCase(),
    silent,
    format: combine(timestamp(), configuration.logJson ? json() : line),
    transports: [
      configuration.logFile === undefined
        ? new winston.transports.Console({ stderrLevels: [] })
        : new winston.transports.File({ filename: configuration.logFile }),
    ],
  });
}
