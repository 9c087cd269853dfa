import type { Readable } from "node:stream";

import type { EndpointName, Endpoints, PathParams } from "@steppe/api";
import type { ReadView } from "@steppe/state";

import type { ServerContext } from "../context.js";
import type { ApiResponse } from "./api-message.js";
import type { ListSource } from "./list-source.js";
import type { ParsedRequest } from "./parsed-request.js";

/**
 * What a read handler found. The pipeline adds the index and consistency headers, waits for changes (it records what the
 * handler read from the view), serializes and compresses.
 *
 * - `data`: a value made for this request; serialized anew every time.
 * - `row`: a row of the state (or a part of one). Its bytes are kept as long as the row lives; where the client must not see it
 *   as stored, `render` says what it sees, and must be one and the same function at every call (the bytes are kept per function).
 * - `rows`: the same for a list of rows.
 * - `missing`: 404 with this text, with the index and consistency headers, and blocking works.
 *
 * `index` is the `X-Nomad-Index`: an object's ModifyIndex, `view.tableIndex(...)` for a collection and for what is missing.
 */
export type ReadResult =
  | { readonly data: unknown; readonly index: number }
  | { readonly row: object; readonly render?: (row: never) => unknown; readonly index: number }
  | { readonly rows: readonly object[]; readonly render?: (row: never) => unknown; readonly index: number }
  | { readonly missing: string; readonly index: number };

/** What a write handler did. Without `data` the body is empty; without `index` there is no `X-Nomad-Index`. */
export interface WriteResult {
  readonly data?: unknown;
  readonly index?: number;
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a local handler answers: JSON in `data`, or `text` with its `contentType`; neither is an empty body. */
export interface LocalResult {
  readonly data?: unknown;
  readonly text?: string;
  readonly contentType?: string;
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a stream handler answers: pieces as they come, to the end of the request's signal or of the stream. */
export interface StreamResult {
  readonly stream: Readable;
  readonly contentType: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

type ParamsOf<N extends EndpointName> = PathParams<Endpoints[N]["path"]>;

/** Errors are thrown: a SteppeError's `status` and `message` are the answer, as text. */
export type ReadHandler<P extends string> = (
  view: ReadView,
  request: ParsedRequest<P>,
  context: ServerContext,
) => ReadResult;
export type ListHandler<P extends string> = (
  view: ReadView,
  request: ParsedRequest<P>,
  context: ServerContext,
) => ListSource;
export type WriteHandler<P extends string> = (
  context: ServerContext,
  request: ParsedRequest<P>,
) => Promise<WriteResult>;
export type LocalHandler<P extends string> = (
  context: ServerContext,
  request: ParsedRequest<P>,
) => LocalResult | Promise<LocalResult>;
export type StreamHandler<P extends string> = (
  context: ServerContext,
  request: ParsedRequest<P>,
) => StreamResult | ApiResponse | Promise<StreamResult | ApiResponse>;

/** The handler that an endpoint needs follows from its declaration. */
export type HandlerOf<N extends EndpointName> = Endpoints[N] extends { kind: "read"; list: object }
  ? ListHandler<ParamsOf<N>>
  : Endpoints[N] extends { kind: "read" }
    ? ReadHandler<ParamsOf<N>>
    : Endpoints[N] extends { kind: "write" }
      ? WriteHandler<ParamsOf<N>>
      : Endpoints[N] extends { kind: "local" }
        ? LocalHandler<ParamsOf<N>>
        : StreamHandler<ParamsOf<N>>;

/** One handler for each endpoint: a missing one does not compile. */
export type Handlers = { readonly [N in EndpointName]: HandlerOf<N> };
