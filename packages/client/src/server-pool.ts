import type { JsonAnswer, JsonRequest, JsonTransport } from "@steppe/api";
import { errorMessage, SteppeError } from "@steppe/shared";

import { errors } from "./errors.js";
import type { Logger } from "./logger.js";

export interface PoolRequest {
  method: JsonRequest["method"];
  path: string;
  body?: unknown;
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * The servers as a node sees them: which ones there are, and which one to ask. Every server can answer every request of
 * a node, so there is one rule: stay with the server that works, and go to the next when it does not.
 */
export class ServerPool {
  readonly #transport: JsonTransport;
  readonly #configured: () => readonly string[];
  readonly #secretId: string;
  readonly #logger: Logger;
  /** From the servers' answers; beats the configuration, which is kept as a fallback. */
  #announced: readonly string[] = [];
  #preferred: string | undefined;
  /** Those whose last request failed: asked last, or each request would wait for a dead one first. */
  readonly #failed = new Set<string>();
  #failureListeners: (() => void)[] = [];

  constructor(options: {
    transport: JsonTransport;
    /** HTTP addresses (`host:port`) from configuration or discovery, first known good first. */
    configured: () => readonly string[];
    secretId: string;
    logger: Logger;
  }) {
    this.#transport = options.transport;
    this.#configured = options.configured;
    this.#secretId = options.secretId;
    this.#logger = options.logger;
  }

  /** All servers in the order in which they are tried. */
  addresses(): string[] {
    const first = this.#preferred === undefined ? [] : [this.#preferred];
    const all = [...new Set([...first, ...this.#announced, ...this.#configured()])];
    return [
      ...all.filter((address) => !this.#failed.has(address)),
      ...all.filter((address) => this.#failed.has(address)),
    ];
  }

  /** Takes the servers' own list. An empty one says nothing. */
  announce(addresses: readonly string[] | null | undefined): void {
    if (addresses && addresses.length > 0) this.#announced = [...addresses];
    if (this.#preferred !== undefined && this.#announced.length > 0 && !this.#announced.includes(this.#preferred)) {
      // A server that left, or the configuration's other name for one of them: the latter works and stays.
      if (!this.#configured().includes(this.#preferred)) this.#preferred = undefined;
    }
  }

  /** Called when the preferred server has failed: long waits on it should be tried elsewhere. */
  onFailure(listener: () => void): void {
    this.#failureListeners.push(listener);
  }

  /**
   * Asks one server after the other until one answers. An answer that says no (4xx) is an answer and is thrown;
   * rejects with `noServers` or `noServerAnswers` otherwise. Requests must be repeatable: a lost answer means asking again.
   */
  async request<T>(request: PoolRequest): Promise<JsonAnswer<T>> {
    const addresses = this.addresses();
    if (addresses.length === 0) throw errors.noServers();
    let last: unknown;
    for (const address of addresses) {
      try {
        const headers = { "X-Steppe-Node-Secret": this.#secretId };
        const answer = await this.#transport.request<T>({ ...request, address, headers });
        this.#preferred = address;
        this.#failed.delete(address);
        return answer;
      } catch (error) {
        if (request.signal?.aborted || isRefusal(error)) throw error;
        last = error;
        this.#fail(address, error);
      }
    }
    throw errors.noServerAnswers({ path: request.path, reason: errorMessage(last) }, last);
  }

  #fail(address: string, error: unknown): void {
    this.#logger.debug("a server does not answer", { address, error: errorMessage(error) });
    this.#failed.add(address);
    if (this.#preferred !== address) return;
    this.#preferred = undefined;
    for (const listener of this.#failureListeners) listener();
  }
}

/** The cluster understood the request and refuses it: another server would say the same. 429 and 499 are about this moment. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof SteppeError) || error.code !== "unexpectedResponse") return false;
  return error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 408;
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof SteppeError && error.code === "unexpectedResponse" && error.status === status;
}
