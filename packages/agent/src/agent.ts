import { must, systemClock, systemRandom } from "@steppe/shared";
import { createClient, type Client } from "@steppe/client";
import { openDataDirectory } from "@steppe/storage";
import type { Logger } from "winston";

import { ClientGateway } from "./client-gateway.js";
import type { Configuration } from "./configuration/index.js";
import type { AgentParts } from "./parts.js";
import { type RunningServer, startServer } from "./server.js";
import { NOMAD_VERSION, version } from "./version.js";

/** An agent that has been started. */
export interface RunningAgent {
  readonly roles: readonly ("server" | "client")[];
  /** Resolves when the client, if there is one, is registered and ready. */
  readonly ready: Promise<void>;
  /** Stops everything; with `leave` the other servers are told that this one will not be back. */
  stop(options: { leave: boolean }): Promise<void>;
}

/** Starts the parts in order: data directory, server, client. What was started is stopped again where a later part fails. */
export async function startAgent(
  configuration: Configuration,
  logger: Logger,
  onFatal: (error: Error) => void,
): Promise<RunningAgent> {
  const directory = await openDataDirectory(configuration.dataDir);
  const parts: AgentParts = { configuration, logger, clock: systemClock, random: systemRandom, directory, onFatal };
  const stops: ((leave: boolean) => Promise<void>)[] = [() => directory.close()];
  const stop = async ({ leave }: { leave: boolean }) => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart(leave);
  };
  try {
    let server: RunningServer | undefined;
    let client: Client | undefined;
    if (configuration.server !== undefined) {
      server = await startServer(parts, () => client);
      stops.push((leave) => must(server, "it has just been started").stop(leave));
    }
    if (configuration.client !== undefined) {
      client = makeClient(parts);
      const { devMode } = configuration;
      if (server === undefined) {
        const gateway = await ClientGateway.start(parts, client);
        stops.push(() => gateway.stop());
      }
      await client.start();
      stops.push(() => must(client, "it has just been started").stop({ leaveTasksRunning: !devMode }));
    }
    const roles = [configuration.server && "server", configuration.client && "client"].filter(
      (role) => role !== undefined,
    );
    return { roles: roles as ("server" | "client")[], ready: client?.ready ?? Promise.resolve(), stop };
  } catch (error) {
    await stop({ leave: false });
    throw error;
  }
}

function makeClient({ configuration, logger, clock, random }: AgentParts): Client {
  const client = must(configuration.client, "the caller has looked");
  // A server in the same process is the nearest one, whatever the file says.
  const own = configuration.server === undefined ? [] : [configuration.advertise.http];
  return createClient({
    config: { ...client.file, options: { ...client.options }, meta: { ...client.meta } },
    servers: () => [...own, ...client.servers],
    dataDir: configuration.dataDir,
    clock,
    random,
    logger,
    nodeName: configuration.name,
    region: configuration.region,
    datacenter: configuration.datacenter,
    httpAdvertiseAddress: configuration.advertise.http,
    devMode: configuration.devMode,
    versions: { nomad: NOMAD_VERSION, steppe: version() },
  });
}
