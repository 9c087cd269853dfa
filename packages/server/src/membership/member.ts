/**
 * What one server says of itself to all others. Only the owner raises its incarnation, so of two records the one with
 * the higher incarnation is true, whoever it came from.
 */
export interface MemberRecord {
  /** `NAME.REGION`, as Nomad's members are called; unique in the federation. */
  readonly name: string;
  /** The server's UUID; Raft's id is derived from it. */
  readonly id: string;
  readonly region: string;
  readonly datacenter: string;
  /** `host:port` of the member exchange. */
  readonly serfAddress: string;
  /** `host:port` of the servers' RPC. */
  readonly rpcAddress: string;
  /** `host:port` of the HTTP API. */
  readonly httpAddress: string;
  readonly build: string;
  /** How many servers its region waits for before the first election; 0 where it only joins. */
  readonly expect: number;
  /** It holds Raft state: its region has been bootstrapped, and must not be a second time. */
  readonly bootstrapped: boolean;
  /** Raised by the owner at every change of its record, and at every start. */
  readonly incarnation: number;
  /** The owner has left on purpose, or an operator has said so in its place. */
  readonly left: boolean;
}

export type MemberStatus = "alive" | "failed" | "left";

/** A record with this server's own opinion of its owner: probes are not passed on, so opinions never conflict. */
export interface Member extends MemberRecord {
  readonly status: MemberStatus;
  /** Monotonic time of the last answer. */
  readonly lastSeenMs: number;
}

const TEXT_FIELDS = [
  "name",
  "id",
  "region",
  "datacenter",
  "serfAddress",
  "rpcAddress",
  "httpAddress",
  "build",
] as const;
const TEXT_MAX = 256;

/** Checks a record that came from the network; undefined where it is none. */
export function parseRecord(value: unknown): MemberRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const record = value as Record<string, unknown>;
  for (const field of TEXT_FIELDS) {
    const text = record[field];
    if (typeof text !== "string" || text.length > TEXT_MAX) return undefined;
  }
  if (!Number.isSafeInteger(record["expect"]) || !Number.isSafeInteger(record["incarnation"])) return undefined;
  if (typeof record["bootstrapped"] !== "boolean" || typeof record["left"] !== "boolean") return undefined;
  const { name, id, region, datacenter, serfAddress, rpcAddress, httpAddress, build } =
    record as unknown as MemberRecord;
  const { expect, bootstrapped, incarnation, left } = record as unknown as MemberRecord;
  return {
    name,
    id,
    region,
    datacenter,
    serfAddress,
    rpcAddress,
    httpAddress,
    build,
    expect,
    bootstrapped,
    incarnation,
    left,
  };
}
