export { type RunningAgent, startAgent } from "./agent.js";
export {
  type Configuration,
  type ConfigurationFile,
  loadConfiguration,
  mergeConfiguration,
  resolveConfiguration,
} from "./configuration/index.js";
export { createLogger } from "./logger.js";
export { type AgentArguments, runAgentProcess } from "./process.js";
export { version } from "./version.js";
