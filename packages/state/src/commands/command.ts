import type { ReadView } from "../read-view.js";
import type { Txn } from "../txn.js";

/**
 * One kind of entry. `apply` must do the same on every server and at every replay: it reads the transaction and the payload, and nothing
 * else. It refuses by throwing a `SteppeError`, best before it writes; what it wrote is then taken back.
 */
export interface Command<Payload, Result> {
  /** Stored in the log: never changed, never used again for something else. */
  readonly id: number;
  readonly apply: (txn: Txn, payload: Payload) => Result;
  /**
   * The snapshot, in pieces of whole lines, that takes the place of the whole state once `apply` (which writes nothing then) has not
   * refused; undefined where it would refuse.
   */
  readonly replacement?: (read: Pick<ReadView, "get">, payload: Payload) => Iterable<string> | undefined;
  /** What is put into the log of a payload; all of it unless told. */
  readonly encode?: (payload: Payload) => unknown;
}

export const command = <Payload, Result>(definition: Command<Payload, Result>): Command<Payload, Result> => definition;
