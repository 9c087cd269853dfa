export { loadConfiguration, mergeConfiguration, validateConfiguration } from "./load.js";
export {
  type ClientConfiguration,
  type Configuration,
  resolveConfiguration,
  type ServerConfiguration,
} from "./resolve.js";
export { type ConfigurationFile, ConfigurationSchema } from "./schema.js";
