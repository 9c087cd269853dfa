import { type Endpoint, endpointEntries, type EndpointName } from "@steppe/api";
import { errorMessage, InvariantError, SteppeError } from "@steppe/shared";

import type { ServerContext } from "../context.js";
import { type AccessControl, type Identity, openAccess } from "./access.js";
import { type ApiRequest, type ApiResponse, toWireResponse, type WireResponse } from "./api-message.js";
import { Consistency, isTransient } from "./consistency.js";
import { httpErrors } from "./errors.js";
import type { Handlers, LocalHandler, LocalResult, StreamHandler, WriteHandler, WriteResult } from "./handler.js";
import { parseJsonBody } from "./json-body.js";
import { type CallLeader, LeaderCalls } from "./leader-calls.js";
import type { ParsedRequest } from "./parsed-request.js";
import { Query } from "./query.js";
import { parseMode, parseWait, Reads, type WaitSpec, withoutWait } from "./reads.js";
import {
  bodyResponse,
  compressedResponse,
  CURRENT,
  emptyResponse,
  errorResponse,
  jsonResponse,
  type ReadMeta,
  textResponse,
} from "./response.js";
import { type Match, Router } from "./router.js";

export interface PipelineOptions {
  readonly context: ServerContext;
  readonly handlers: Handlers;
  readonly callLeader: CallLeader;
  /** Sends a request to another region. */
  readonly forwardToRegion: (request: ApiRequest, region: string) => Promise<ApiResponse>;
  /** Default: everybody may do everything. */
  readonly access?: AccessControl;
  /** How long a request waits for a leader to be elected; default 5 s. */
  readonly leaderWaitMs?: number;
}

/**
 * The one road of every request, whatever it came over: parse, authenticate, region, leader, authorize, validate, handler. What this
 * server can answer at once is answered without a promise.
 */
export class Pipeline {
  readonly #context: ServerContext;
  readonly #options: PipelineOptions;
  readonly #access: AccessControl;
  readonly #router = new Router(endpointEntries);
  readonly #reads: Reads;
  readonly #consistency: Consistency;

  constructor(options: PipelineOptions) {
    const { context, leaderWaitMs = 5000 } = options;
    this.#options = options;
    this.#context = context;
    this.#access = options.access ?? openAccess;
    this.#reads = new Reads(context, options.handlers);
    const calls = new LeaderCalls(options.callLeader, context.raft, context.clock);
    this.#consistency = new Consistency({ raft: context.raft, calls, clock: context.clock, leaderWaitMs });
  }

  /** How many blocking queries are waiting. */
  get waiting(): number {
    return this.#reads.waiting;
  }

  /** What a path leads to; undefined where there is nothing. */
  match(path: string): Match | undefined {
    return this.#router.match(path);
  }

  /** Answers a request of another server; never throws and never rejects. */
  handle(request: ApiRequest): WireResponse | Promise<WireResponse> {
    const match = this.#router.match(request.path);
    const response = match === undefined ? notFoundResponse(request.path) : this.serve(request, match);
    return response instanceof Promise ? response.then(toWireResponse) : toWireResponse(response);
  }

  /** Answers a request whose path has been matched; never throws and never rejects. */
  serve(request: ApiRequest, match: Match): ApiResponse | Promise<ApiResponse> {
    try {
      const target = match.route.methods.get(request.method);
      if (target === undefined) return wrongMethodResponse(match);
      const { name, endpoint } = target;
      const identity = this.#access.authenticate(request);
      const response =
        identity instanceof Promise
          ? identity.then((who) => this.#dispatch(request, name, endpoint, match.params, who))
          : this.#dispatch(request, name, endpoint, match.params, identity);
      return response instanceof Promise ? response.catch((error: unknown) => this.#failed(request, error)) : response;
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  #dispatch(
    source: ApiRequest,
    name: EndpointName,
    endpoint: Endpoint,
    params: Readonly<Record<string, string>>,
    identity: Identity,
  ): ApiResponse | Promise<ApiResponse> {
    const { query } = source;
    const { region } = this.#context.config;
    const asked = query.text === "" ? undefined : query.get("region");
    if (asked !== undefined && asked !== "" && asked !== region && endpoint.regional !== false)
      return this.#options.forwardToRegion(source, asked);
    const request: Mutable<ParsedRequest> = {
      name,
      endpoint,
      params,
      query,
      namespace: (query.text === "" ? undefined : query.get("namespace")) || "default",
      region,
      mode: parseMode(query),
      body: undefined,
      rawBody: undefined,
      identity,
      header: (header) => source.header(header),
      remoteAddress: source.remoteAddress,
      source,
    };
    switch (endpoint.kind) {
      case "read":
        return this.#read(request);
      case "write":
        return this.#write(request);
      case "local":
        return this.#local(request);
      case "stream":
        return this.#stream(request);
    }
  }

  #read(request: ParsedRequest): ApiResponse | Promise<ApiResponse> {
    const wait = request.endpoint.blocking === true ? parseWait(request.query) : undefined;
    if (request.mode === "stale") return this.#readHere(request, wait, this.#staleMeta());
    if (request.mode === "default" && this.#consistency.leads) return this.#readHere(request, wait, CURRENT);
    return this.#readElsewhere(request, wait);
  }

  #readHere(request: ParsedRequest, wait: WaitSpec | undefined, meta: ReadMeta): ApiResponse | Promise<ApiResponse> {
    this.#access.authorize(request.identity, request.endpoint, request.namespace);
    if (wait === undefined) return this.#reads.respond(request, this.#reads.find(request), meta);
    const found = this.#reads.wait(request, wait);
    if (!(found instanceof Promise)) return this.#reads.respond(request, found, meta);
    return found.then((later) => {
      if (request.mode === "stale") return this.#reads.respond(request, later, this.#staleMeta());
      // Much may have happened meanwhile: whoever leads no more must not answer as if it did.
      if (request.mode === "default" && !this.#consistency.leads)
        return this.#readElsewhere(answeredNow(request), undefined);
      return this.#reads.respond(request, later, meta);
    });
  }

  async #readElsewhere(request: ParsedRequest, wait: WaitSpec | undefined): Promise<ApiResponse> {
    const { source, mode } = request;
    // The client's signal is made only where it matters: those who do not wait are answered soon.
    const signal = wait === undefined ? undefined : source.signal;
    const verdict = await this.#consistency.forRead(mode, source, signal);
    return verdict === "local" ? this.#readHere(request, wait, CURRENT) : verdict;
  }

  /** Stale reads say how stale. */
  #staleMeta(): ReadMeta {
    const { raft } = this.#context;
    return { knownLeader: raft.leaderId() !== 0, lastContactMs: Math.max(0, Math.round(raft.lastContactMs())) };
  }

  async #write(request: Mutable<ParsedRequest>): Promise<ApiResponse> {
    const { source, endpoint } = request;
    const body = await source.readBody();
    const passedOn = body === source.body ? source : withBody(source, body);
    for (;;) {
      const verdict = await this.#consistency.forWrite(passedOn);
      if (verdict !== "local") return verdict;
      this.#access.authorize(request.identity, endpoint, request.namespace);
      setBody(request, body);
      const scope = { proposed: false };
      try {
        return await this.#runWrite(request, scope);
      } catch (error) {
        // Leadership went between the check and the proposal, and nothing was put into the log.
        if (scope.proposed || !isTransient(error)) throw error;
      }
    }
  }

  async #runWrite(request: ParsedRequest, scope: { proposed: boolean }): Promise<ApiResponse> {
    const context = noticing(this.#context, scope);
    const handler = this.#options.handlers[request.name] as unknown as WriteHandler<string>;
    const { data, index, status = 200, headers }: WriteResult = await handler(context, request);
    const extra = index === undefined ? headers : { ...headers, "X-Nomad-Index": String(index) };
    if (data === undefined) return bodyResponse(status, Buffer.alloc(0), "", extra);
    return jsonResponse(request.source, status, data, extra);
  }

  #local(request: Mutable<ParsedRequest>): ApiResponse | Promise<ApiResponse> {
    this.#access.authorize(request.identity, request.endpoint, request.namespace);
    if (request.endpoint.body !== undefined) {
      return request.source.readBody().then((body) => {
        setBody(request, body);
        return this.#runLocal(request);
      });
    }
    return this.#runLocal(request);
  }

  #runLocal(request: ParsedRequest): ApiResponse | Promise<ApiResponse> {
    const handler = this.#options.handlers[request.name] as unknown as LocalHandler<string>;
    const result = handler(this.#context, request);
    return result instanceof Promise
      ? result.then((ready) => localResponse(request.source, ready))
      : localResponse(request.source, result);
  }

  async #stream(request: Mutable<ParsedRequest>): Promise<ApiResponse> {
    this.#access.authorize(request.identity, request.endpoint, request.namespace);
    if (request.endpoint.body === "required" || request.endpoint.body === "optional")
      setBody(request, await request.source.readBody());
    const handler = this.#options.handlers[request.name] as unknown as StreamHandler<string>;
    const result = await handler(this.#context, request);
    if (!("stream" in result)) return result;
    const headers = { Vary: "Accept-Encoding", "Content-Type": result.contentType, ...result.headers };
    return { status: result.status ?? 200, headers, body: result.stream };
  }

  #failed(request: ApiRequest, error: unknown): ApiResponse {
    // A broken invariant ends the process, rather than letting it go on with a state that is wrong.
    if (error instanceof InvariantError)
      process.nextTick(() => {
        throw error;
      });
    if (!(error instanceof SteppeError)) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#context.logger.error(`${request.method} ${request.path}: ${errorMessage(error)}`, { stack });
    }
    return errorResponse(error);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the body into the request as the endpoint wants it. @throws 400 */
function setBody(request: Mutable<ParsedRequest>, body: Buffer | undefined): void {
  const { endpoint } = request;
  const empty = body === undefined || body.length === 0;
  if (endpoint.body === undefined) return;
  request.rawBody = empty ? undefined : body;
  if (endpoint.body === "raw") return;
  if (!empty) request.body = parseJsonBody(body);
  else if (endpoint.body === "required") throw httpErrors.emptyBody();
}

/** The context with a `propose` that leaves a mark once something is in the log. */
function noticing(context: ServerContext, scope: { proposed: boolean }): ServerContext {
  const scoped = Object.create(context) as Mutable<ServerContext>;
  scoped.propose = async (name, payload) => {
    try {
      const result = await context.propose(name, payload);
      scope.proposed = true;
      return result;
    } catch (error) {
      if (!isTransient(error)) scope.proposed = true;
      throw error;
    }
  };
  return scoped;
}

function withBody(source: ApiRequest, body: Buffer | undefined): ApiRequest {
  const { method, path, query, remoteAddress, forwarded } = source;
  return {
    method,
    path,
    query,
    remoteAddress,
    signal: undefined,
    forwarded,
    body,
    header: (name) => source.header(name),
    headers: () => source.headers(),
    readBody: () => Promise.resolve(body),
  };
}

/** The request without its waiting, for those who have waited. */
function answeredNow(request: ParsedRequest): ParsedRequest {
  const { source } = request;
  const query = new Query(withoutWait(source.query.text));
  return { ...request, query, source: { ...withBody(source, undefined), query } };
}

function localResponse(source: ApiRequest, result: LocalResult): ApiResponse | Promise<ApiResponse> {
  const { data, text, contentType, status = 200, headers } = result;
  if (data !== undefined) return jsonResponse(source, status, data, headers);
  if (text === undefined) return bodyResponse(status, Buffer.alloc(0), "", headers);
  return compressedResponse(source, status, Buffer.from(text), contentType ?? "text/plain; charset=utf-8", headers);
}

function wrongMethodResponse({ route }: Match): ApiResponse {
  return textResponse(route.wrongMethodStatus, httpErrors.invalidMethod().message, { Allow: route.allow });
}

/** Nothing is there. Below an allocation and below Raft's operations the API says so, elsewhere the body is empty. */
export function notFoundResponse(path: string): ApiResponse {
  if (path.startsWith("/v1/operator/raft/")) return textResponse(404, httpErrors.invalidMethod().message);
  return path.startsWith("/v1/allocation/") ? textResponse(404, "resource not found") : emptyResponse(404);
}
