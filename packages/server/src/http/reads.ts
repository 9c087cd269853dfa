import { parseDuration } from "@steppe/shared";
import type { ReadView } from "@steppe/state";

import type { ServerContext } from "../context.js";
import type { ApiResponse } from "./api-message.js";
import { httpErrors } from "./errors.js";
import type { Handlers, ListHandler, ReadHandler, ReadResult } from "./handler.js";
import type { ListBytes } from "./list-cache.js";
import { type ListBody, Lists } from "./lists.js";
import type { ListSource } from "./list-source.js";
import type { ConsistencyMode, ParsedRequest } from "./parsed-request.js";
import type { Query } from "./query.js";
import {
  acceptsGzip,
  compressedResponse,
  CURRENT,
  gzip,
  GZIP_MIN_BYTES,
  JSON_TYPE,
  readHeaders,
  type ReadMeta,
  TEXT_TYPE,
  wantsPretty,
} from "./response.js";
import { type RowBody, RowBodies } from "./row-bodies.js";
import { Turns } from "./turns.js";
import { WaitGroups } from "./wait-groups.js";

/** What a look at the state gave: enough to tell whether to wait, and to answer many. */
export interface Found {
  readonly index: number;
  readonly result: ReadResult | undefined;
  readonly source: ListSource | undefined;
  /** The JSON of a result that has no row of its own, once it was made. */
  json: Buffer | undefined;
}

/** `?index=` and `?wait=` of a read that may have to wait. */
export interface WaitSpec {
  readonly minIndex: number;
  readonly waitMs: number;
}

const WAIT_DEFAULT_MS = 5 * 60_000;
const WAIT_MAX_MS = 10 * 60_000;
/** Longer bodies are bytes, which need no conversion. */
const TEXT_MAX_BYTES = 8 * 1024;

/** Serves reads from this server's state; whether it may is decided elsewhere. */
export class Reads {
  readonly #context: ServerContext;
  readonly #handlers: Handlers;
  readonly #rows = new RowBodies();
  readonly #turns: Turns;
  readonly #lists: Lists;
  readonly #waits: WaitGroups<Found>;

  constructor(context: ServerContext, handlers: Handlers) {
    this.#context = context;
    this.#handlers = handlers;
    this.#turns = new Turns(context.clock);
    this.#lists = new Lists(context.state, context.clock, this.#turns);
    this.#waits = new WaitGroups(context.state, context.clock);
  }

  /** How many blocking queries are waiting. */
  get waiting(): number {
    return this.#waits.size;
  }

  /** Looks at the state. */
  find(request: ParsedRequest, view: ReadView = this.#context.state): Found {
    const handler = this.#handlers[request.name] as unknown as ReadHandler<string> | ListHandler<string>;
    const answer = handler(view, request, this.#context);
    if (request.endpoint.list === undefined) {
      const result = answer as ReadResult;
      return { index: result.index, result, source: undefined, json: undefined };
    }
    const source = answer as ListSource;
    const index =
      source.join === undefined ? view.tableIndex(source.table) : view.tableIndex(source.table, source.join);
    return { index, result: undefined, source, json: undefined };
  }

  /** Looks at the state until there is an index above the one that the client knows, or its time is over. */
  wait(request: ParsedRequest, { minIndex, waitMs }: WaitSpec): Found | Promise<Found> {
    const jitterMs = (waitMs / 16) * this.#context.random.next();
    return this.#waits.wait({
      key: waitKey(request),
      minIndex,
      timeoutMs: waitMs + jitterMs,
      evaluate: (view) => this.find(request, view),
      signal: request.source.signal,
    });
  }

  /** The answer to what was found. */
  respond(request: ParsedRequest, found: Found, meta: ReadMeta): ApiResponse | Promise<ApiResponse> {
    const { source, result, index } = found;
    if (source !== undefined) {
      const body = this.#lists.read(source, request);
      return body instanceof Promise
        ? body.then((ready) => this.#listResponse(request, index, ready, meta))
        : this.#listResponse(request, index, body, meta);
    }
    if (result === undefined) throw new TypeError("a read finds a result or a source");
    if ("row" in result) return this.#rowResponse(request, index, this.#rows.get(result.row, result.render), meta);
    if ("missing" in result) {
      const body = Buffer.from(result.missing);
      return { status: 404, headers: readHeaders(index, meta, TEXT_TYPE, body.length, false, ""), body };
    }
    found.json ??= Buffer.from(JSON.stringify("rows" in result ? renderRows(result) : result.data));
    return this.#dataResponse(request, index, found.json, meta);
  }

  #rowResponse(
    request: ParsedRequest,
    index: number,
    body: RowBody,
    meta: ReadMeta,
  ): ApiResponse | Promise<ApiResponse> {
    const { source } = request;
    if (wantsPretty(source)) return this.#dataResponse(request, index, Buffer.from(body.json), meta);
    if (body.lengthBytes >= GZIP_MIN_BYTES && acceptsGzip(source)) {
      if (body.gzip !== undefined) return gzipResponse(index, meta, body.gzip, "");
      return gzip(Buffer.from(body.json)).then((bytes) => gzipResponse(index, meta, (body.gzip = bytes), ""));
    }
    if (meta !== CURRENT) return rowResponse(index, meta, body);
    // The usual answer is the same to the last byte for as long as the row lives: it is kept whole.
    const kept = body.response as KeptResponse | undefined;
    if (kept?.index === index) return kept.response;
    const response = rowResponse(index, meta, body);
    body.response = { index, response } satisfies KeptResponse;
    return response;
  }

  #dataResponse(
    request: ParsedRequest,
    index: number,
    json: Buffer,
    meta: ReadMeta,
  ): ApiResponse | Promise<ApiResponse> {
    const body = wantsPretty(request.source) ? Buffer.from(pretty(json)) : json;
    const headers = readHeaders(index, meta, JSON_TYPE, body.length, false, "");
    return compressedResponse(request.source, 200, body, JSON_TYPE, headers);
  }

  #listResponse(
    request: ParsedRequest,
    index: number,
    body: ListBody,
    meta: ReadMeta,
  ): ApiResponse | Promise<ApiResponse> {
    const { source } = request;
    const { nextToken } = body;
    if (wantsPretty(source)) {
      return this.#prettyList(body.parts()).then((printed) =>
        compressedResponse(
          source,
          200,
          printed,
          JSON_TYPE,
          readHeaders(index, meta, JSON_TYPE, printed.length, false, nextToken),
        ),
      );
    }
    if (body.lengthBytes < GZIP_MIN_BYTES || !acceptsGzip(source))
      return listResponse(index, meta, body.plain(), nextToken);
    const bytes = body.gzip === undefined ? gzip(Buffer.concat(body.plain().pieces)) : body.gzip();
    return bytes instanceof Promise
      ? bytes.then((ready) => gzipResponse(index, meta, ready, nextToken))
      : gzipResponse(index, meta, bytes, nextToken);
  }

  /** Prints a list for people, piece by piece: a long one must not hold up everybody else. */
  async #prettyList(parts: readonly Buffer[]): Promise<Buffer> {
    const printed: string[] = [];
    for (const part of parts) {
      if (this.#context.clock.monotonicMs() > this.#turns.untilMs()) await this.#turns.next();
      const text = JSON.stringify(JSON.parse(`[${part.toString()}]`), null, 4);
      printed.push(text.slice(2, -2));
    }
    return Buffer.from(printed.length === 0 ? "[]" : `[\n${printed.join(",\n")}\n]`);
  }
}

interface KeptResponse {
  readonly index: number;
  readonly response: ApiResponse;
}

/** `?index=` and `?wait=`; undefined where nothing is waited for. @throws 400 */
export function parseWait(query: Query): WaitSpec | undefined {
  if (query.text === "") return undefined;
  const wait = query.get("wait");
  const index = query.get("index");
  let waitMs = WAIT_DEFAULT_MS;
  if (wait !== undefined && wait !== "") {
    const ns = parseDuration(wait);
    if (ns === undefined) throw httpErrors.invalidWait();
    if (ns > 0) waitMs = Math.min(ns / 1e6, WAIT_MAX_MS);
  }
  if (index === undefined || index === "") return undefined;
  if (!/^\d+$/.test(index)) throw httpErrors.invalidIndex();
  const minIndex = Number(index);
  return minIndex === 0 ? undefined : { minIndex, waitMs };
}

/** The consistency mode that a query asks for. @throws 400 */
export function parseMode(query: Query): ConsistencyMode {
  if (query.text === "") return "default";
  const stale = query.flag("stale");
  const consistent = query.has("consistent") && query.get("consistent") !== "false";
  if (stale && consistent) throw httpErrors.conflictingModes();
  return stale ? "stale" : consistent ? "consistent" : "default";
}

/** Equal for requests whose answers are equal: everything but what the client knows and how long it waits. */
function waitKey(request: ParsedRequest): string {
  const { source, identity } = request;
  const rest = withoutWait(source.query.text);
  return `${source.path}\0${rest}\0${identity.key}`;
}

/** A query without `index` and `wait`. */
export function withoutWait(text: string): string {
  if (text === "") return text;
  const pairs = text.split("&");
  return pairs.filter((pair) => !pair.startsWith("index=") && !pair.startsWith("wait=")).join("&");
}

/** A short body goes out as text: in one write with the headers, which saves a tenth of the time. */
function rowResponse(index: number, meta: ReadMeta, { json, lengthBytes }: RowBody): ApiResponse {
  const headers = readHeaders(index, meta, JSON_TYPE, lengthBytes, false, "");
  return { status: 200, headers, body: lengthBytes <= TEXT_MAX_BYTES ? json : Buffer.from(json) };
}

function listResponse(index: number, meta: ReadMeta, bytes: ListBytes, nextToken: string): ApiResponse {
  const headers = readHeaders(index, meta, JSON_TYPE, bytes.lengthBytes, false, nextToken);
  return { status: 200, headers, body: bytes.pieces };
}

function gzipResponse(index: number, meta: ReadMeta, body: Buffer, nextToken: string): ApiResponse {
  return { status: 200, headers: readHeaders(index, meta, JSON_TYPE, body.length, true, nextToken), body };
}

function renderRows(result: { rows: readonly object[]; render?: (row: never) => unknown }): unknown[] {
  const { rows, render } = result;
  return render === undefined ? [...rows] : rows.map((row) => render(row as never));
}

function pretty(json: Buffer): string {
  return JSON.stringify(JSON.parse(json.toString()), null, 4);
}
