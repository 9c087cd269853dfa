import { type Clock, errorMessage, SteppeError, type Timer } from "@steppe/shared";

import type { Raft } from "../context.js";
import type { ApiRequest, ApiResponse } from "./api-message.js";
import { httpErrors } from "./errors.js";

/**
 * Asks the leader over the servers' RPC. Rejects with code `notSent` when the request never left this server; with anything else
 * it may have been worked on. Aborting the request's signal gives it up.
 */
export type CallLeader = (request: ApiRequest) => Promise<ApiResponse>;

/** How often the leader that was asked is compared with the one that there is. */
const LOOK_MS = 100;
/** How long a write's answer may still come from a server that leads no more. */
const WRITE_GRACE_MS = 3000;

interface Call {
  readonly leaderId: number;
  readonly write: boolean;
  readonly giveUp: () => void;
  /** When it was seen that another one leads. */
  deposedAtMs: number | undefined;
}

/** Calls to the leader that end when it is the leader no more: a partitioned leader does not hold back those who asked it. */
export class LeaderCalls {
  readonly #callLeader: CallLeader;
  readonly #raft: Raft;
  readonly #clock: Clock;
  readonly #calls = new Set<Call>();
  #timer: Timer | undefined;

  constructor(callLeader: CallLeader, raft: Raft, clock: Clock) {
    this.#callLeader = callLeader;
    this.#raft = raft;
    this.#clock = clock;
  }

  /**
   * @throws `notSent` when it may be asked again; `canceled` when the client has gone; for a write anything else means that it may
   * have been done
   */
  call(request: ApiRequest, write: boolean, clientSignal: AbortSignal | undefined): Promise<ApiResponse> {
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const finish = (settle: () => void): void => {
        if (!this.#calls.delete(call)) return;
        clientSignal?.removeEventListener("abort", cancel);
        if (this.#calls.size === 0) this.#stopLooking();
        settle();
      };
      const giveUp = (): void => {
        finish(() => reject(write ? httpErrors.unknownOutcome() : httpErrors.notSent()));
        controller.abort();
      };
      const cancel = (): void => {
        finish(() => reject(httpErrors.canceled()));
        controller.abort();
      };
      const call: Call = { leaderId: this.#raft.leaderId(), write, giveUp, deposedAtMs: undefined };
      this.#calls.add(call);
      if (clientSignal?.aborted === true) return cancel();
      clientSignal?.addEventListener("abort", cancel);
      this.#startLooking();
      this.#callLeader(signalled(request, controller.signal)).then(
        (response) => finish(() => resolve(response)),
        (error: unknown) => finish(() => reject(failure(error, write))),
      );
    });
  }

  #startLooking(): void {
    this.#timer ??= this.#clock.every(LOOK_MS, () => this.#look(), true);
  }

  #stopLooking(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #look(): void {
    const leaderId = this.#raft.leaderId();
    const now = this.#clock.monotonicMs();
    for (const call of this.#calls) {
      if (call.leaderId === leaderId) continue;
      call.deposedAtMs ??= now;
      if (!call.write || now - call.deposedAtMs >= WRITE_GRACE_MS) call.giveUp();
    }
  }
}

function failure(error: unknown, write: boolean): SteppeError {
  if (error instanceof SteppeError && error.code === "notSent") return error;
  // A read changes nothing: it is asked again, whatever became of it.
  return write ? httpErrors.unknownOutcome({}, error) : httpErrors.notSent({}, errorMessage(error));
}

/** The same request with a signal of ours: the client's is made only for those who wait long. */
function signalled(request: ApiRequest, signal: AbortSignal): ApiRequest {
  const { method, path, query, body, remoteAddress } = request;
  return {
    method,
    path,
    query,
    body,
    remoteAddress,
    signal,
    forwarded: true,
    header: (name) => request.header(name),
    headers: () => request.headers(),
    readBody: () => Promise.resolve(body),
  };
}
