import { arch, cpus, platform } from "node:os";

import { splitAddress } from "@steppe/api";
import { formatDuration } from "@steppe/shared";
import type { AgentMember, AgentSelf, ServerMembers } from "@steppe/structs";

import type { ServerContext } from "../context.js";
import type { Handlers } from "../http/handler.js";
import type { Member } from "../membership/index.js";

/** The agent that is asked: what it is, whom it knows, how it is. */
export const agentHandlers: Pick<
  Handlers,
  "getAgent" | "listMembers" | "getAgentHealth" | "listAgentServers" | "getMetrics"
> = {
  getAgent: (context) => {
    const data: AgentSelf = {
      config: { ...context.config.agent },
      member: agentMember(context.members.self(), context),
      stats: statistics(context),
    };
    return { data };
  },

  listMembers: (context) => {
    const { config, members } = context;
    const data: ServerMembers = {
      ServerName: config.name,
      ServerRegion: config.region,
      ServerDC: config.datacenter,
      Members: members.members().map((member) => agentMember(member, context)),
    };
    return { data };
  },

  getAgentHealth: (context, { query }) => {
    const type = query.get("type");
    const data: Record<string, { message: string; ok: boolean }> = {};
    if (context.client && type !== "server") data["client"] = health(context.client.health());
    if (type !== "client") {
      const ok = context.raft.leader() !== undefined;
      data["server"] = { message: ok ? "ok" : "No cluster leader", ok };
    }
    return { data, status: Object.values(data).every(({ ok }) => ok) ? 200 : 500 };
  },

  listAgentServers: (context) => ({
    data: context.client?.servers() ?? context.raft.configuration().map((peer) => peer.address),
  }),

  getMetrics: async ({ metrics }, { query }) => {
    if (query.get("format") !== "prometheus") return { data: metrics.summary() };
    return { text: await metrics.prometheus(), contentType: "text/plain; version=0.0.4; charset=utf-8" };
  },
};

const health = ({ ok, message }: { ok: boolean; message: string }) => ({ message, ok });

/** A member in the form that Nomad's clients know. */
function agentMember(member: Member, context: ServerContext): AgentMember {
  const [serf, rpc] = [splitAddress(member.serfAddress), splitAddress(member.rpcAddress)];
  return {
    Name: member.name,
    Addr: serf.host,
    Port: serf.port,
    Tags: {
      build: member.build,
      ...(member.expect === 1 ? { bootstrap: "1" } : {}),
      expect: String(member.expect),
      region: member.region,
      raft_vsn: "3",
      id: member.id,
      role: "nomad",
      dc: member.datacenter,
      revision: "",
      vsn: "1",
      rpc_addr: rpc.host,
      port: String(rpc.port),
      http_addr: member.httpAddress,
      ...(member.id === context.raft.leader()?.id ? { leader: "true" } : {}),
    },
    Status: member.status,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

/** Numbers by section, all as texts, as people and the command line read them. */
function statistics(context: ServerContext): Record<string, Record<string, string>> {
  const { raft, members, state, client } = context;
  const all = members.members();
  const peers = raft.configuration();
  const failed = all.filter((member) => member.status === "failed").length;
  const left = all.filter((member) => member.status === "left").length;
  const leading = raft.isLeader();
  return {
    nomad: {
      server: "true",
      leader: String(leading),
      leader_addr: raft.leader()?.address ?? "",
      bootstrap: String(members.self().expect === 1),
      known_regions: String(new Set(all.map((member) => member.region)).size),
    },
    raft: {
      state: leading ? "Leader" : raft.leader() ? "Follower" : "Candidate",
      term: String(raft.term()),
      applied_index: String(state.index),
      commit_index: String(state.index),
      last_contact: leading ? "0" : formatDuration(Math.round(raft.lastContactMs()) * 1e6),
      num_peers: String(Math.max(0, peers.filter((peer) => peer.voter).length - 1)),
      latest_configuration: `[${peers.map((peer) => `{Suffrage:${peer.voter ? "Voter" : "Nonvoter"} ID:${peer.id} Address:${peer.address}}`).join(" ")}]`,
      protocol_version: "3",
    },
    serf: { members: String(all.length), failed: String(failed), left: String(left), encrypted: "false" },
    runtime: {
      "kernel.name": platform(),
      arch: arch() === "x64" ? "amd64" : arch(),
      version: `node${process.version}`,
      cpu_count: String(cpus().length),
      max_procs: String(cpus().length),
    },
    ...(client ? { client: { ...client.stats() } } : {}),
  };
}
