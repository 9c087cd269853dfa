/** A server as the members routes answer it. */
export interface AgentMember {
  Name: string;
  Addr: string;
  /** Port of the exchange of members (Nomad's serf port). */
  Port: number;
  Tags: Record<string, string>;
  /** alive, leaving, left or failed. */
  Status: string;
  ProtocolMin: number;
  ProtocolMax: number;
  ProtocolCur: number;
  DelegateMin: number;
  DelegateMax: number;
  DelegateCur: number;
}

/** The answer of GET /v1/agent/members. */
export interface ServerMembers {
  ServerName: string;
  ServerRegion: string;
  ServerDC: string;
  Members: AgentMember[];
}

/** The answer of GET /v1/agent/self. */
export interface AgentSelf {
  config: Record<string, unknown>;
  member: AgentMember | Record<string, unknown>;
  stats: Record<string, Record<string, string>>;
}

/** The answer of GET /v1/agent/health; a role that the agent does not have is left out. */
export interface AgentHealth {
  client?: { message: string; ok: boolean };
  server?: { message: string; ok: boolean };
}
