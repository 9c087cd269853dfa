import type { Clock, Random } from "@steppe/shared";
import type { DataDirectory } from "@steppe/storage";
import type { Logger } from "winston";

import type { Configuration } from "./configuration/index.js";

/** What the parts of an agent share. */
export interface AgentParts {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  /** The agent cannot go on (a disk error, a broken invariant): the process is to end. */
  readonly onFatal: (error: Error) => void;
}
