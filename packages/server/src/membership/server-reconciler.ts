import { type Clock, errorMessage, type Timer } from "@steppe/shared";
import type { ReadView } from "@steppe/state";

import type { Logger, ServerHealth } from "../context.js";
import type { RaftDriver } from "../raft/index.js";
import { autopilotConfig, type AutopilotConfig, durationMs } from "./autopilot-config.js";
import type { Member } from "./member.js";
import type { Membership } from "./membership.js";
import { quorumOf, ServersHealth } from "./server-health.js";

export interface ServerReconcilerOptions {
  readonly raft: Pick<
    RaftDriver,
    | "addLearner"
    | "addVoter"
    | "configuration"
    | "forgetPeerAddress"
    | "isLeader"
    | "leader"
    | "removePeer"
    | "silenceOf"
    | "status"
    | "term"
  >;
  readonly membership: Pick<Membership, "members" | "forceLeave">;
  readonly region: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the autopilot's configuration is. */
  readonly state: Pick<ReadView, "get">;
  /** Sets the configuration where the cluster has none yet; a leader asks for it once. */
  readonly initialize?: () => Promise<unknown>;
}

const INTERVAL_MS = 1000;

interface Step {
  readonly what: string;
  run(): Promise<void>;
}

/**
 * Makes Raft's configuration follow the members, on the leader: a new server gets the log as a learner, and its vote when it has been
 * healthy for the stabilization time; one that has left is removed. One that has failed for that time is removed, too, if the
 * configuration says so and the servers that are left have a healthy quorum without it. It may come back, and is new then.
 */
export class ServerReconciler {
  readonly #options: ServerReconcilerOptions;
  readonly #health: ServersHealth;
  /** Since when members have failed, by the monotonic clock. */
  #failedFromMs = new Map<string, number>();
  #timer: Timer | undefined;
  #working = false;
  #led = false;

  constructor(options: ServerReconcilerOptions) {
    const { raft, clock } = options;
    this.#options = options;
    this.#health = new ServersHealth({ raft, clock, members: () => this.#members() });
  }

  start(): void {
    this.#timer ??= this.#options.clock.every(INTERVAL_MS, () => void this.reconcile(), true);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** The servers of the configuration as they are now; on the leader. */
  servers(): readonly ServerHealth[] {
    return this.#health.look(autopilotConfig(this.#options.state));
  }

  /** Does the most urgent thing. One change at a time: the next one may go into the log only when this one is applied. */
  async reconcile(): Promise<void> {
    const { raft, logger } = this.#options;
    if (!raft.isLeader()) return this.#forget();
    if (this.#working) return;
    const step = this.#firstStep() ?? this.#nextStep();
    if (step === undefined) return;
    this.#working = true;
    try {
      await step.run();
      logger.info(`raft: ${step.what}`);
    } catch (error) {
      logger.warn(`raft: ${step.what}: ${errorMessage(error)}; it will be tried again`);
    } finally {
      this.#working = false;
    }
  }

  #forget(): void {
    if (!this.#led) return;
    this.#led = false;
    this.#health.reset();
    this.#failedFromMs = new Map();
  }

  #firstStep(): Step | undefined {
    const { state, initialize } = this.#options;
    if (this.#led) return undefined;
    this.#led = true;
    if (initialize === undefined || autopilotConfig(state).ModifyIndex > 0) return undefined;
    return { what: "the autopilot has its first configuration", run: async () => void (await initialize()) };
  }

  #members(): readonly Member[] {
    const { membership, region } = this.#options;
    return membership.members().filter((member) => member.region === region);
  }

  #nextStep(): Step | undefined {
    const { raft, state } = this.#options;
    const config = autopilotConfig(state);
    const servers = this.#health.look(config);
    const known = new Map(servers.map((server) => [server.id, server]));
    const stableMs = durationMs(config.ServerStabilizationTime);
    const failedMs = this.#countFailed();
    for (const member of this.#members()) {
      const server = known.get(member.id);
      const address = { id: member.id, name: member.name, address: member.rpcAddress };
      if (member.status === "left" && server !== undefined && servers.length > 1)
        return { what: `server ${member.name} has left and is removed`, run: () => this.#remove(member) };
      if ((failedMs.get(member.id) ?? 0) >= stableMs && server !== undefined && mayRemove(server, servers, config))
        return { what: `server ${member.name} has failed and is removed`, run: () => this.#cleanUp(member) };
      if (member.status !== "alive") continue;
      if (server === undefined)
        return { what: `server ${member.name} is added and gets the log`, run: () => raft.addLearner(address) };
      if (!server.voter && server.healthy && server.stableMs >= stableMs)
        return { what: `server ${member.name} has caught up and may vote`, run: () => raft.addVoter(address) };
    }
    return undefined;
  }

  /** For how long members have failed, in milliseconds. */
  #countFailed(): ReadonlyMap<string, number> {
    const nowMs = this.#options.clock.monotonicMs();
    const failed = this.#members().filter((member) => member.status === "failed");
    this.#failedFromMs = new Map(failed.map(({ id }) => [id, this.#failedFromMs.get(id) ?? nowMs]));
    return new Map([...this.#failedFromMs].map(([id, fromMs]) => [id, nowMs - fromMs]));
  }

  async #remove(member: Member): Promise<void> {
    const { raft } = this.#options;
    await raft.removePeer(member.id);
    raft.forgetPeerAddress(member.id);
  }

  async #cleanUp(member: Member): Promise<void> {
    await this.#remove(member);
    // The others need not look for it any more. If it lives, it says so with a newer record.
    this.#options.membership.forceLeave(member.name, false);
  }
}

/** A failed server is removed only if those that are left can go on without it, and without counting on luck. */
function mayRemove(server: ServerHealth, servers: readonly ServerHealth[], config: AutopilotConfig): boolean {
  if (!config.CleanupDeadServers || server.leader) return false;
  const rest = servers.filter((other) => other.voter && other.id !== server.id);
  const healthy = rest.filter((other) => other.healthy).length;
  if (server.voter && rest.length < config.MinQuorum) return false;
  return rest.length > 0 && healthy >= quorumOf(rest.length);
}
