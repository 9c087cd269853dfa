import type { Clock } from "@steppe/shared";
import { ProgressState, type ProgressStatus } from "raft-ts";

import type { ServerHealth } from "../context.js";
import { type RaftDriver, raftIdOf } from "../raft/index.js";
import { type AutopilotConfig, durationMs } from "./autopilot-config.js";
import type { Member } from "./member.js";

/** What the health of servers follows from. `RaftDriver` and `Membership` are the real ones. */
export interface HealthSources {
  readonly raft: Pick<RaftDriver, "configuration" | "status" | "silenceOf" | "leader" | "term">;
  readonly members: () => readonly Member[];
  readonly clock: Clock;
}

interface Record {
  healthy: boolean;
  /** Wall clock, for people. */
  sinceMs: number;
  /** Monotonic, for decisions. */
  stableFromMs: number;
}

/** Remembers since when each server of the configuration is healthy, or is not. Counts from when this server began to lead. */
export class ServersHealth {
  readonly #sources: HealthSources;
  #records = new Map<string, Record>();

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** Forgets everything: what another leader saw is not known here. */
  reset(): void {
    this.#records = new Map();
  }

  /** Looks at all servers now; on the leader. */
  look(config: AutopilotConfig): readonly ServerHealth[] {
    const { raft, clock } = this.#sources;
    const status = raft.status();
    const leader = raft.leader()?.id;
    const members = new Map(this.#sources.members().map((member) => [member.id, member]));
    const records = new Map<string, Record>();
    const servers = raft.configuration().map((peer): ServerHealth => {
      const member = members.get(peer.id);
      const leads = peer.id === leader;
      const progress = status?.progress.get(raftIdOf(peer.id));
      const lastIndex = leads ? (status?.lastIndex ?? 0) : (progress?.match ?? 0);
      const lastContactMs = leads ? 0 : raft.silenceOf(peer.id);
      const healthy =
        leads ||
        (member?.status === "alive" &&
          lastContactMs !== undefined &&
          lastContactMs <= durationMs(config.LastContactThreshold) &&
          (status?.lastIndex ?? 0) - lastIndex <= config.MaxTrailingLogs &&
          follows(progress));
      const before = this.#records.get(peer.id);
      const record =
        before?.healthy === healthy ? before : { healthy, sinceMs: clock.nowMs(), stableFromMs: clock.monotonicMs() };
      records.set(peer.id, record);
      return {
        id: peer.id,
        name: member?.name ?? peer.name,
        address: peer.address,
        memberStatus: member?.status ?? "none",
        version: member?.build ?? "",
        leader: leads,
        voter: peer.voter,
        healthy,
        lastContactMs,
        // Terms are compared when entries are matched: a log that follows is the leader's.
        lastTerm: leads || follows(progress) ? raft.term() : 0,
        lastIndex,
        stableSinceMs: record.sinceMs,
        stableMs: clock.monotonicMs() - record.stableFromMs,
      };
    });
    this.#records = records;
    return servers;
  }
}

/** The server's log is known to be the leader's up to some entry, and gets what is new. */
function follows(progress: ProgressStatus | undefined): boolean {
  return progress?.state === ProgressState.replicate;
}

/** How many voters may be lost while the healthy ones are still a quorum. */
export function failureTolerance(servers: readonly ServerHealth[]): number {
  const voters = servers.filter((server) => server.voter);
  const healthy = voters.filter((server) => server.healthy).length;
  return Math.max(0, healthy - quorumOf(voters.length));
}

export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
