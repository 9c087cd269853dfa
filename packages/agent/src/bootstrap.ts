import type { Membership, RaftDriver, ServerAddress } from "@steppe/server";
import { errorMessage } from "@steppe/shared";
import type { Logger } from "winston";

export interface BootstrapOptions {
  readonly raft: RaftDriver;
  readonly membership: Membership;
  readonly region: string;
  /** How many servers begin a new cluster; 0 only joins one that there is. */
  readonly expect: number;
  readonly logger: Logger;
}

/**
 * Starts Raft when it is known whether there is a cluster to join. A server with a past just goes on. Without one, it waits until
 * `expect` servers of its region see each other, none of them with Raft state: each of them then begins the same cluster with the same
 * list. As soon as anybody of the region has state, it waits to be added instead: a region is begun only once.
 */
export class Bootstrap {
  readonly #options: BootstrapOptions;
  #unsubscribe: (() => void) | undefined;
  #started = false;

  constructor(options: BootstrapOptions) {
    this.#options = options;
  }

  /** Resolves when Raft has been started, or when that waits for other servers. */
  async start(): Promise<void> {
    const { membership, raft } = this.#options;
    this.#unsubscribe = membership.onChange(() => this.#onChange());
    this.#tellAddresses();
    if (raft.hasState()) return this.#startRaft(undefined);
    const servers = this.#readyServers();
    if (servers !== "wait") await this.#startRaft(servers);
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#started = true;
  }

  #onChange(): void {
    this.#tellAddresses();
    if (this.#options.raft.hasState()) this.#options.membership.markBootstrapped();
    if (this.#started) return;
    const servers = this.#readyServers();
    if (servers === "wait") return;
    this.#startRaft(servers).catch((error: unknown) => this.#options.logger.error(`raft: ${errorMessage(error)}`));
  }

  /** Who begins the cluster; undefined where there is one already, or somebody else is to begin it. */
  #readyServers(): ServerAddress[] | "wait" | undefined {
    const { membership, region, expect } = this.#options;
    const members = membership.members().filter((member) => member.region === region && member.status === "alive");
    if (members.some((member) => member.bootstrapped)) return undefined;
    const candidates = members.filter((member) => member.expect === expect && expect > 0);
    if (candidates.length < expect || expect === 0) return "wait";
    const chosen = candidates.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, expect);
    if (!chosen.some((member) => member.id === membership.self().id)) return undefined;
    return chosen.map(({ id, name, rpcAddress }) => ({ id, name, address: rpcAddress }));
  }

  async #startRaft(servers: readonly ServerAddress[] | undefined): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { raft, membership, logger } = this.#options;
    if (servers !== undefined) logger.info(`raft: a new cluster of ${servers.map((server) => server.name).join(", ")}`);
    await raft.start(servers);
    if (servers !== undefined) membership.markBootstrapped();
  }

  /** Raft reaches the servers of its region where the members say that they are now. */
  #tellAddresses(): void {
    const { raft, membership, region } = this.#options;
    for (const member of membership.members()) {
      if (member.region === region && member.status !== "left")
        raft.updatePeerAddress(member.id, member.name, member.rpcAddress);
    }
  }
}
