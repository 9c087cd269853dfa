import * as http from "node:http";
import * as https from "node:https";
import type { TLSSocketOptions } from "node:tls";

import { aborted, badAnswer, type RequestLine, timedOut, unexpectedResponse, unreachable } from "./errors.js";
import { type AnswerMeta, answerMeta } from "./query.js";

/** Key material in PEM; without it the transport speaks plain HTTP. */
export type TransportTls = Pick<TLSSocketOptions, "ca" | "cert" | "key" | "rejectUnauthorized">;

export interface JsonRequest {
  method: "GET" | "PUT" | "POST" | "DELETE";
  /** `host:port` of an HTTP server. */
  address: string;
  /** Path and query. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** From the start of the request to the end of the answer. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface JsonAnswer<T> extends AnswerMeta {
  data: T;
}

export interface JsonTransport {
  /**
   * One request, never retried. Rejects with a SteppeError: the server's status for an answer that is not 2xx,
   * `unreachable`, `timedOut` or `aborted` where there is no answer.
   */
  request<T>(request: JsonRequest): Promise<JsonAnswer<T>>;
  /** Closes all connections; what is under way is rejected. */
  close(): void;
}

/**
 * Bare node:http with keep-alive: four times the rate of got, for callers that send many small requests to
 * few servers (node agents: heartbeats, allocation updates, assignments).
 */
export function createJsonTransport(options: { tls?: TransportTls; maxSockets?: number } = {}): JsonTransport {
  const { tls } = options;
  const agentOptions = { keepAlive: true, keepAliveMsecs: 5_000, maxSockets: options.maxSockets ?? 32 };
  const agent = tls ? new https.Agent({ ...agentOptions, ...tls }) : new http.Agent(agentOptions);
  const open = tls ? https.request : http.request;
  return {
    request: <T>(request: JsonRequest) => send<T>(open, agent, request),
    close: () => agent.destroy(),
  };
}

function send<T>(open: typeof http.request, agent: http.Agent, request: JsonRequest): Promise<JsonAnswer<T>> {
  const { method, address, path, timeoutMs, signal } = request;
  const line: RequestLine = { method, address, path };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(line));
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const headers: Record<string, string | number> = { Accept: "application/json", ...request.headers };
    if (body) Object.assign(headers, { "Content-Type": "application/json", "Content-Length": body.length });
    const { host, port } = splitAddress(address);
    const outgoing = open({ agent, host, port, method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", (error) => finish(() => reject(unreachable(line, error))));
      incoming.on("end", () => finish(() => settle(line, incoming, Buffer.concat(chunks), resolve, reject)));
      incoming.on("aborted", () =>
        finish(() => reject(unreachable(line, new Error("connection closed within the answer")))),
      );
    });
    const onAbort = (): void => {
      finish(() => reject(aborted(line)));
      outgoing.destroy();
    };
    const timer = setTimeout(() => {
      finish(() => reject(timedOut(line, timeoutMs)));
      outgoing.destroy();
    }, timeoutMs);
    let finished = false;
    const finish = (settlePromise: () => void): void => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      settlePromise();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    outgoing.on("error", (error) => finish(() => reject(unreachable(line, error))));
    outgoing.end(body);
  });
}

function settle<T>(
  line: RequestLine,
  incoming: http.IncomingMessage,
  body: Buffer,
  resolve: (answer: JsonAnswer<T>) => void,
  reject: (error: unknown) => void,
): void {
  const status = incoming.statusCode ?? 0;
  if (status < 200 || status > 299) return reject(unexpectedResponse(status, body.toString()));
  try {
    const data = (body.length === 0 ? null : JSON.parse(body.toString())) as T;
    resolve({ data, ...answerMeta(incoming.headers) });
  } catch (error) {
    reject(badAnswer(line, error));
  }
}

/** Splits `host:port`; an IPv6 host stands in brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
