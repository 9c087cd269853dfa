import type { Readable } from "node:stream";

import { EMPTY_QUERY, Query } from "./query.js";

/** What is asked of the API, whatever it came over: HTTP, or a frame from another server of the region. */
export interface ApiRequest {
  readonly method: string;
  /** As it was sent: still percent-encoded, without the query. */
  readonly path: string;
  readonly query: Query;
  /** A header's value; the name in lower case. */
  header(name: string): string | undefined;
  /** The whole body where it has been read; `readBody` reads it. */
  readonly body: Buffer | undefined;
  /** The address of the client, for logs. */
  readonly remoteAddress: string;
  /** Aborted when the client goes away. Made when first asked for: most requests never wait. */
  readonly signal: AbortSignal | undefined;
  /** Another server of the region sent it here as to the leader: it is not passed on again. */
  readonly forwarded: boolean;
  /** The body as it comes, for those who pass it on. */
  readonly bodyStream?: Readable | undefined;
  /** Reads the whole body, up to the limit (413); undefined or empty when there is none. */
  readBody(): Promise<Buffer | undefined>;
  /** All headers; names in lower case. */
  headers(): Readonly<Record<string, string | string[] | undefined>>;
}

/** An answer. Header names are spelt as they go on the wire; bodies that are no stream have their Content-Length there. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces are written one after the other: a long list is never put together. */
  readonly body: Buffer | string | Readable | readonly Buffer[];
}

/** An answer as a frame takes it: in one piece or as a stream. */
export interface WireResponse extends ApiResponse {
  readonly body: Buffer | string | Readable;
}

export function toWireResponse(response: ApiResponse): WireResponse {
  const { status, headers, body } = response;
  return { status, headers, body: Array.isArray(body) ? Buffer.concat(body as readonly Buffer[]) : (body as Buffer) };
}

/** A request as plain data, for a frame to the leader. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly remoteAddress: string;
}

/** The headers that mean something to the leader; what concerns the connection stays behind. */
const FORWARDED_HEADERS = [
  "accept-encoding",
  "authorization",
  "content-type",
  "x-nomad-token",
  "x-steppe-node-secret",
  "x-steppe-forwarded-region",
];

export function toWireRequest(request: ApiRequest): WireRequest {
  const headers: Record<string, string> = {};
  for (const name of FORWARDED_HEADERS) {
    const value = request.header(name);
    if (value !== undefined) headers[name] = value;
  }
  const { method, path, query, body, remoteAddress } = request;
  return { method, url: query.text === "" ? path : `${path}?${query.text}`, headers, body, remoteAddress };
}

/** The request of a frame; the call's signal, made when first asked for, is aborted when the frame's sender gives it up. */
export function fromWireRequest(wire: WireRequest, call: { readonly signal: AbortSignal }): ApiRequest {
  return makeRequest({ ...wire, forwarded: true }, call);
}

/** A request out of plain data, for tests and for servers that ask themselves. */
export function makeRequest(
  parts: Partial<WireRequest> & { readonly url: string; readonly forwarded?: boolean },
  call?: { readonly signal: AbortSignal },
): ApiRequest {
  const { method = "GET", url, headers = {}, body, remoteAddress = "", forwarded = false } = parts;
  const mark = url.indexOf("?");
  return {
    method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? EMPTY_QUERY : new Query(url.slice(mark + 1)),
    header: (name) => headers[name],
    headers: () => headers,
    body,
    readBody: () => Promise.resolve(body),
    remoteAddress,
    get signal() {
      return call?.signal;
    },
    forwarded,
  };
}
