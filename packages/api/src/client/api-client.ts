import type { Readable } from "node:stream";

import type { Allocation, Deployment, Evaluation, Job, Node } from "@steppe/structs";
import got, { type Got, HTTPError, type OptionsInit, type Response, TimeoutError } from "got";

import { badAnswer, timedOut, unexpectedResponse, unreachable } from "./errors.js";
import { type AnswerMeta, answerMeta, type QueryValues, withQuery } from "./query.js";

export interface ApiClientOptions {
  /** `http://host:4646` or `https://host:4646`. */
  address: string;
  /** Sent with every request unless a call's own query overrides it. */
  region?: string | undefined;
  namespace?: string | undefined;
  /** The ACL token's secret, sent as X-Nomad-Token. */
  token?: string | undefined;
  /** Time for one answer, 30 s by default; a blocking query gets its wait time on top. */
  timeoutMs?: number;
  /** PEM. */
  tls?: { ca?: string; cert?: string; key?: string; rejectUnauthorized?: boolean };
}

export interface CallOptions {
  query?: QueryValues;
  /** Sent as JSON. */
  body?: unknown;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export type Answer<T> = AnswerMeta & { data: T };

/** A call's path parameter, escaped: job ids may hold slashes, spaces and percent signs. */
const segment = encodeURIComponent;

/**
 * The HTTP API for programs that ask now and then: the command line, joins, tests. Every method rejects with a
 * SteppeError: code `unexpectedResponse` with the server's status and text, else `unreachable`, `timedOut`, `badAnswer`.
 * Nothing is retried.
 */
export class ApiClient {
  readonly address: string;
  readonly #got: Got;
  readonly #defaults: QueryValues;
  readonly #timeoutMs: number;

  constructor(options: ApiClientOptions) {
    this.address = options.address.replace(/\/+$/, "");
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#defaults = { region: options.region, namespace: options.namespace };
    const { tls } = options;
    this.#got = got.extend({
      retry: { limit: 0 },
      // A redirect would be followed with the token attached.
      followRedirect: false,
      decompress: true,
      headers: { "user-agent": "steppe", ...(options.token ? { "x-nomad-token": options.token } : {}) },
      ...(tls && {
        https: {
          ...(tls.ca && { certificateAuthority: tls.ca }),
          ...(tls.cert && { certificate: tls.cert }),
          ...(tls.key && { key: tls.key }),
          rejectUnauthorized: tls.rejectUnauthorized ?? true,
        },
      }),
    });
  }

  async request<T>(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    options: CallOptions = {},
  ): Promise<Answer<T>> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const line = { method, address: this.address, path };
    const request: OptionsInit = { method, timeout: { request: timeoutMs }, responseType: "text" };
    if (options.body !== undefined) request.json = options.body;
    if (options.signal) request.signal = options.signal;
    let headers: Record<string, string | string[] | undefined>;
    let text: string;
    try {
      // The overloads of a `Got` follow the literal type of its options, which are assembled here.
      const response = (await this.#got(this.#url(path, options.query), request)) as Response<string>;
      headers = response.headers;
      text = response.body;
    } catch (error) {
      if (error instanceof HTTPError)
        throw unexpectedResponse(error.response.statusCode, String(error.response.body ?? ""));
      throw error instanceof TimeoutError ? timedOut(line, timeoutMs) : unreachable(line, error);
    }
    try {
      return { ...answerMeta(headers), data: (text === "" ? null : JSON.parse(text)) as T };
    } catch (error) {
      throw badAnswer(line, error);
    }
  }

  get<T>(path: string, query?: QueryValues): Promise<Answer<T>> {
    return this.request("GET", path, query ? { query } : {});
  }

  put<T>(path: string, body?: unknown, query?: QueryValues): Promise<Answer<T>> {
    return this.request("PUT", path, { body, ...(query && { query }) });
  }

  delete<T>(path: string, query?: QueryValues): Promise<Answer<T>> {
    return this.request("DELETE", path, query ? { query } : {});
  }

  /** A blocking query: answers when the state is newer than `index`, or after `waitMs` at the latest (plus jitter). */
  block<T>(path: string, index: number, waitMs: number, options: CallOptions = {}): Promise<Answer<T>> {
    const query = { ...options.query, index, wait: `${waitMs}ms` };
    return this.request("GET", path, { ...options, query, timeoutMs: waitMs + waitMs / 16 + this.#timeoutMs });
  }

  /** The answer's body as it comes (logs, monitor, events, snapshots). Errors arrive as the stream's `error` event. */
  stream(path: string, query?: QueryValues): Readable {
    return this.#got.stream(this.#url(path, query), { timeout: { connect: this.#timeoutMs } });
  }

  readonly job = (id: string, query?: QueryValues): Promise<Answer<Job>> => this.get(`/v1/job/${segment(id)}`, query);
  readonly node = (id: string, query?: QueryValues): Promise<Answer<Node>> =>
    this.get(`/v1/node/${segment(id)}`, query);
  readonly allocation = (id: string, query?: QueryValues): Promise<Answer<Allocation>> =>
    this.get(`/v1/allocation/${segment(id)}`, query);
  readonly evaluation = (id: string, query?: QueryValues): Promise<Answer<Evaluation>> =>
    this.get(`/v1/evaluation/${segment(id)}`, query);
  readonly deployment = (id: string, query?: QueryValues): Promise<Answer<Deployment>> =>
    this.get(`/v1/deployment/${segment(id)}`, query);

  #url(path: string, query: QueryValues | undefined): string {
    return this.address + withQuery(path, { ...this.#defaults, ...query });
  }
}
