import { type Clock, errorMessage, type Timer } from "@steppe/shared";
import { ProgressState } from "raft-ts";

import type { Logger } from "../context.js";
import { type RaftDriver, raftIdOf } from "../raft/index.js";
import type { Member } from "./member.js";
import type { Membership } from "./membership.js";

export interface ServerReconcilerOptions {
  readonly raft: RaftDriver;
  readonly membership: Membership;
  readonly region: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const INTERVAL_MS = 1000;

/**
 * Makes Raft's configuration follow the members, on the leader: a new server gets the log as a learner and is given its vote when it
 * has caught up; one that has left is removed. A server that merely does not answer stays: it may come back, and removing it would
 * make the next loss a loss of quorum.
 */
export class ServerReconciler {
  readonly #options: ServerReconcilerOptions;
  #timer: Timer | undefined;
  #working = false;

  constructor(options: ServerReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= this.#options.clock.every(INTERVAL_MS, () => void this.#reconcile(), true);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** One change at a time: the next one may go into the log only when this one is applied. */
  async #reconcile(): Promise<void> {
    const { raft, logger } = this.#options;
    if (this.#working || !raft.isLeader()) return;
    const step = this.#nextStep();
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

  #nextStep(): { readonly what: string; run(): Promise<void> } | undefined {
    const { raft, membership, region } = this.#options;
    const peers = new Map(raft.configuration().map((peer) => [peer.id, peer]));
    const members = membership.members().filter((member) => member.region === region);
    for (const member of members) {
      const peer = peers.get(member.id);
      const server = { id: member.id, name: member.name, address: member.rpcAddress };
      if (member.status === "left" && peer !== undefined && peers.size > 1) {
        return { what: `server ${member.name} has left and is removed`, run: () => raft.removePeer(member.id) };
      }
      if (member.status !== "alive") continue;
      if (peer === undefined) {
        return { what: `server ${member.name} is added and gets the log`, run: () => raft.addLearner(server) };
      }
      if (!peer.voter && this.#hasCaughtUp(member)) {
        return { what: `server ${member.name} has caught up and may vote`, run: () => raft.addVoter(server) };
      }
    }
    return undefined;
  }

  #hasCaughtUp(member: Member): boolean {
    const progress = this.#options.raft.status()?.progress.get(raftIdOf(member.id));
    return progress?.state === ProgressState.replicate;
  }
}
