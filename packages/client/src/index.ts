export { AllocationRunner } from "./allocation-runner.js";
export { type Client, type ClientOptions, type ClientStats, createClient } from "./client.js";
export type { ClientConfig } from "./config.js";
export { errors as clientErrors } from "./errors.js";
export type { Logger } from "./logger.js";
export { type LogStream, logFile, logFileIndexes } from "./log-files.js";
