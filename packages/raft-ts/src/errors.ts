// All errors that callers may want to tell apart, in one table. A broken invariant is not among them: it throws
// InvariantError, after which the node must not be used any more, since its state can no longer be trusted.

const messages = {
  compacted: "requested index is unavailable due to compaction",
  unavailable: "requested entry at index is unavailable",
  snapshotOutOfDate: "requested index is older than the existing snapshot",
  snapshotTemporarilyUnavailable: "snapshot is temporarily unavailable",
  proposalDropped: "raft proposal dropped",
  stepLocalMessage: "raft: cannot step raft local message",
  stepPeerNotFound: "raft: cannot step as peer not found",
  invalidConfig: "raft: invalid configuration",
  invalidConfChange: "raft: invalid configuration change",
} as const;

export type RaftErrorCode = keyof typeof messages;

export class RaftError extends Error {
  override readonly name = "RaftError";
  readonly code: RaftErrorCode;

  constructor(code: RaftErrorCode, detail?: string) {
    super(detail ?? messages[code]);
    this.code = code;
  }
}

export function isRaftError(error: unknown, code: RaftErrorCode): boolean {
  return error instanceof RaftError && error.code === code;
}

/** Thrown when what must always hold does not. Crash: going on could write a wrong state. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === "string" ? message : message());
}
