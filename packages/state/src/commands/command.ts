import type { Txn } from "../txn.js";

/**
 * One kind of entry. `apply` must do the same on every server and at every replay: it reads the transaction and the payload, and nothing
 * else. It refuses by throwing a `SteppeError`, best before it writes; what it wrote is then taken back.
 */
export interface Command<Payload, Result> {
  /** Stored in the log: never changed, never used again for something else. */
  readonly id: number;
  readonly apply: (txn: Txn, payload: Payload) => Result;
  /** What is put into the log of a payload; all of it unless told. */
  readonly encode?: (payload: Payload) => unknown;
}

export const command = <Payload, Result>(definition: Command<Payload, Result>): Command<Payload, Result> => definition;
