import type { Clock } from "@steppe/shared";

import { type ClientConfig, driverEnabled } from "../config.js";
import type { Logger } from "../logger.js";
import type { Driver } from "./driver.js";
import { MockDriver } from "./mock-driver.js";
import { RawExecDriver } from "./raw-exec.js";

/** The drivers that this node has, by name. raw_exec gives tasks the agent's rights, so it has to be switched on. */
export function createDrivers(options: {
  config: ClientConfig;
  devMode: boolean;
  clock: Clock;
  logger: Logger;
}): ReadonlyMap<string, Driver> {
  const { config, devMode, clock, logger } = options;
  const drivers: Driver[] = [
    new RawExecDriver({ enabled: driverEnabled(config, "raw_exec") ?? devMode, clock, logger }),
    new MockDriver({ enabled: driverEnabled(config, "mock_driver") ?? true, clock, logger }),
  ];
  return new Map(drivers.map((driver) => [driver.name, driver]));
}
