import http, { type IncomingMessage } from "node:http";
import { pipeline as pipeStream, type Readable } from "node:stream";

import { splitAddress } from "@steppe/api";
import { errorMessage, type Random, SteppeError } from "@steppe/shared";

import type { ApiRequest, ApiResponse } from "../http/api-message.js";
import { httpErrors } from "../http/errors.js";

/** Names the regions that a request has passed: it is not passed on by one that it has been to. */
export const FORWARDED_REGION_HEADER = "X-Steppe-Forwarded-Region";

export interface RegionForwarderOptions {
  /** This server's region. */
  readonly region: string;
  /** Live servers of a region, `host:port` of their HTTP API; none for a region that nobody has heard of. */
  readonly regionServers: (region: string) => readonly { readonly address: string }[];
  readonly random: Random;
  /** False where requests are handed to servers of the own region, which may pass them on to another. Default true. */
  readonly marks?: boolean;
  /** How long a server may take to accept a connection; default 2 s. */
  readonly connectTimeoutMs?: number;
}

/** Headers that concern one connection only. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "host", "proxy-connection"],
]);
/** Answers up to this length are collected; longer ones and those without a length are streamed. */
const COLLECT_BYTES_MAX = 64 * 1024;
const CONNECT_TIMEOUT_MS = 2000;

/**
 * Passes requests on to servers of other regions, over HTTP as any client would, with connections that are kept. Bodies are streamed both
 * ways. A server that does not answer is replaced by another as long as nothing can have been done.
 */
export class RegionForwarder {
  readonly #options: RegionForwarderOptions;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 64, scheduling: "lifo" });

  constructor(options: RegionForwarderOptions) {
    this.#options = options;
  }

  /**
   * The answer of a server of that region.
   * @throws `noRegionPath`, `regionLoop`, `regionUnreachable`, `unknownOutcome`
   */
  async forward(request: ApiRequest, region: string): Promise<ApiResponse> {
    const passed = request.header(FORWARDED_REGION_HEADER.toLowerCase());
    if (passed !== undefined) throw httpErrors.regionLoop({ region });
    const servers = shuffled(this.#options.regionServers(region), this.#options.random);
    if (servers.length === 0) throw httpErrors.noRegionPath();
    let failure: unknown;
    for (const { address } of servers) {
      try {
        return await this.#attempt(request, address);
      } catch (error) {
        if (error instanceof SteppeError) throw error;
        failure = error;
      }
    }
    throw httpErrors.regionUnreachable({ region, reason: errorMessage(failure) }, failure);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects with a SteppeError when no other server may be tried, with anything else when one may. */
  #attempt(request: ApiRequest, address: string): Promise<ApiResponse> {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    return new Promise((resolve, reject) => {
      const { method, path, query, signal, body, bodyStream } = request;
      const outgoing = http.request({
        ...splitAddress(address),
        method,
        path: query.text === "" ? path : `${path}?${query.text}`,
        headers: this.#headers(request),
        agent: this.#agent,
        signal,
      });
      let connected = false;
      let answered = false;
      const timer = setTimeout(() => {
        if (!connected) outgoing.destroy(new Error(`${address} does not accept a connection`));
      }, connectTimeoutMs);
      outgoing.once("socket", (socket) => {
        const proceed = (): void => {
          connected = true;
          clearTimeout(timer);
          sendBody(outgoing, body, method === "GET" ? undefined : bodyStream);
        };
        // The body goes out once there is a connection: until then nothing can have been done, and another server may be tried.
        if (socket.connecting) socket.once("connect", proceed);
        else proceed();
      });
      outgoing.once("response", (incoming) => {
        answered = true;
        collect(incoming).then(resolve, reject);
      });
      outgoing.on("error", (error) => {
        clearTimeout(timer);
        if (answered) return;
        if (signal?.aborted === true) reject(httpErrors.canceled());
        else
          // Reads change nothing; anything else may be tried elsewhere only if it cannot have arrived.
          reject(!connected || method === "GET" ? error : httpErrors.unknownOutcome({}, error));
      });
    });
  }

  #headers(request: ApiRequest): Record<string, string | string[]> {
    const { region, marks = true } = this.#options;
    const headers: Record<string, string | string[]> = marks ? { [FORWARDED_REGION_HEADER]: region } : {};
    for (const [name, value] of Object.entries(request.headers()))
      if (value !== undefined && !HOP_HEADERS.has(name)) headers[name] = value;
    // A body of unknown length is sent in chunks, as it came.
    if (request.method !== "GET" && request.header("transfer-encoding") !== undefined)
      headers["Transfer-Encoding"] = "chunked";
    return headers;
  }
}

function sendBody(outgoing: http.ClientRequest, body: Buffer | undefined, stream: Readable | undefined): void {
  if (body !== undefined || stream === undefined) outgoing.end(body);
  // An error of either end reaches the request's own "error".
  else pipeStream(stream, outgoing, () => undefined);
}

/** Makes the answer of what comes in: short ones whole, long ones as they come. Header names keep their spelling. */
async function collect(incoming: IncomingMessage): Promise<ApiResponse> {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    const name = incoming.rawHeaders[at] ?? "";
    if (!HOP_HEADERS.has(name.toLowerCase()) && name.toLowerCase() !== "date")
      headers[name] = incoming.rawHeaders[at + 1] ?? "";
  }
  const status = incoming.statusCode ?? 502;
  const length = Number(incoming.headers["content-length"] ?? Infinity);
  if (length > COLLECT_BYTES_MAX) return { status, headers, body: incoming };
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status, headers, body: Buffer.concat(chunks) };
}

/** Load is spread over the servers, and whoever fails is not everybody's first. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random.next() * (last + 1));
    const item = copy[last] as T;
    copy[last] = copy[other] as T;
    copy[other] = item;
  }
  return copy;
}
