import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline as pipeStream, Readable } from "node:stream";

import compression from "compression";
import { assert, errorMessage } from "@steppe/shared";
import express, { type Express, type NextFunction, type RequestHandler } from "express";

import type { Logger } from "../context.js";
import type { ApiRequest, ApiResponse } from "./api-message.js";
import { httpErrors } from "./errors.js";
import { HttpRequest } from "./http-request.js";
import { notFoundResponse } from "./pipeline.js";
import { EMPTY_QUERY, Query } from "./query.js";
import { errorResponse } from "./response.js";

/** What answers the API's requests: the pipeline, or on an agent without a server what passes them on. */
export interface RequestServer {
  /** What a path leads to, in the server's own terms; undefined where there is nothing. */
  match(path: string): unknown;
  /** Never throws and never rejects. */
  serve(request: ApiRequest, match: never): ApiResponse | Promise<ApiResponse>;
}

export interface HttpServerOptions {
  readonly pipeline: RequestServer;
  readonly logger: Logger;
  /** Served below these paths, compressed as they come: static files, other pages. Tried after the API. */
  readonly mounts?: Readonly<Record<string, RequestHandler>>;
  /** Largest body of a request; default 16 MiB. */
  readonly bodyBytesMax?: number;
}

const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Longer than the idle time of common clients and load balancers, so that it is not the server who closes first. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_TIMEOUT_MS = 30_000;

/** The HTTP server of the API. `listen` starts it. */
export function createHttpServer(options: HttpServerOptions): Server {
  const app = createApp(options);
  const server = http.createServer(
    {
      ...presetPrototypes(app),
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // Bodies may take long (snapshots); blocking queries and streams have no end that could be known here.
      requestTimeout: 0,
      noDelay: true,
      insecureHTTPParser: false,
    },
    app,
  );
  server.maxRequestsPerSocket = 0;
  server.timeout = 0;
  return server;
}

/**
 * Starts to listen; port 0 takes a free one.
 * @throws `portInUse`, `listenFailed`
 */
export function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = errorMessage(error);
      reject(
        error.code === "EADDRINUSE"
          ? httpErrors.portInUse({ host, port }, error)
          : httpErrors.listenFailed({ host, port, reason }, error),
      );
    };
    server.once("error", fail);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off("error", fail);
      const address = server.address();
      assert(typeof address === "object" && address !== null, "a server that listens on a port has an address");
      resolve(address);
    });
  });
}

/** Stops to listen, lets running requests end for a moment, then cuts what is left (blocking queries, streams). */
export function closeServer(server: Server, graceMs = 500): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/**
 * The API is ONE middleware in front of Express' own: Express looks through its layers one by one, which with 150 endpoints costs more
 * than answering, and it knows neither 405 nor `Allow`. The table-driven router does both in about a microsecond.
 */
function createApp(options: HttpServerOptions): Express {
  const { pipeline, logger, mounts = {}, bodyBytesMax = BODY_BYTES_MAX } = options;
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use(apiMiddleware(pipeline, logger, bodyBytesMax));
  for (const [path, handler] of Object.entries(mounts)) app.use(path, compression(), handler);
  app.use((request: IncomingMessage, response: ServerResponse) => {
    send(response, notFoundResponse(request.url ?? ""), logger);
  });
  // Express tells error handlers by their four parameters.
  app.use((error: unknown, request: IncomingMessage, response: ServerResponse, _next: NextFunction) => {
    logger.error(`${request.method} ${request.url}: ${errorMessage(error)}`);
    if (response.headersSent) response.destroy();
    else send(response, errorResponse(error), logger);
  });
  return app;
}

function apiMiddleware(pipeline: RequestServer, logger: Logger, bodyBytesMax: number) {
  return (message: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const url = message.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const match = pipeline.match(path);
    if (match === undefined) {
      const target = redirectTarget(path);
      if (target === undefined) next();
      else redirect(response, mark < 0 ? target : target + url.slice(mark));
      return;
    }
    const query = mark < 0 ? EMPTY_QUERY : new Query(url.slice(mark + 1));
    const request = new HttpRequest(message, response, path, query, bodyBytesMax);
    const answer = pipeline.serve(request, match as never);
    if (answer instanceof Promise) void answer.then((ready) => send(response, ready, logger));
    else send(response, answer, logger);
  };
}

/** Writes an answer; a client that has gone gets none. */
function send(response: ServerResponse, answer: ApiResponse, logger: Logger): void {
  const { status, headers, body } = answer;
  if (response.destroyed) {
    if (body instanceof Readable) body.destroy();
    return;
  }
  response.writeHead(status, headers as Record<string, string>);
  if (typeof body === "string" || body instanceof Uint8Array) response.end(body);
  else if (body instanceof Readable) sendStream(response, body, logger);
  else sendPieces(response, body);
}

/** All pieces in one call to the system, as far as its buffer takes them. */
function sendPieces(response: ServerResponse, pieces: readonly Buffer[]): void {
  response.cork();
  for (const piece of pieces) response.write(piece);
  response.end();
}

function sendStream(response: ServerResponse, body: Readable, logger: Logger): void {
  response.flushHeaders();
  pipeStream(body, response, (error) => {
    if (error?.code !== undefined && error.code !== "ERR_STREAM_PREMATURE_CLOSE")
      logger.debug(`a streamed answer ended early: ${error.message}`);
  });
}

/** Where a path leads that is not written as it should be: double slashes, dots, or nothing at all. */
function redirectTarget(path: string): string | undefined {
  if (path === "/") return "/ui/";
  if (!path.includes("//") && !path.includes("/.")) return undefined;
  const clean: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") clean.pop();
    else if (segment !== "" && segment !== ".") clean.push(segment);
  }
  const target = `/${clean.join("/")}${path.endsWith("/") && clean.length > 0 ? "/" : ""}`;
  return target === path ? undefined : target;
}

function redirect(response: ServerResponse, target: string): void {
  const body = Buffer.from(
    `<a href="${target.replaceAll("&", "&amp;").replaceAll('"', "&#34;")}">Temporary Redirect</a>.\n\n`,
  );
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    Location: target,
    Vary: "Accept-Encoding",
    "Content-Length": String(body.length),
  };
  response.writeHead(307, headers).end(body);
}

type Constructor<T> = new (...parameters: never[]) => T;

/**
 * Express gives every request and response its own prototype as they pass, and an object whose prototype is changed loses the shape that
 * V8 has optimised for: three quarters of the speed. Objects that are made with that prototype are left as they are.
 */
function presetPrototypes(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  return {
    IncomingMessage: withPrototype(http.IncomingMessage, app.request),
    ServerResponse: withPrototype(http.ServerResponse, app.response),
  };
}

/** A class like `base` whose instances have this prototype; Node's own are plain functions, which a class cannot inherit so. */
function withPrototype<C extends Constructor<object>>(base: C, prototype: object): C {
  const parent = base as unknown as { call(self: object, ...parameters: unknown[]): void };
  function Preset(this: object, first: unknown, second: unknown): void {
    parent.call(this, first, second);
  }
  Object.setPrototypeOf(Preset, base);
  Preset.prototype = prototype;
  return Preset as unknown as C;
}
