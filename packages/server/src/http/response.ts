import zlib from "node:zlib";

import { errorMessage, SteppeError } from "@steppe/shared";

import type { ApiRequest, ApiResponse } from "./api-message.js";

/** Bodies below this are not worth compressing. */
export const GZIP_MIN_BYTES = 1024;

/** Set on an answer of a server that another one took for the leader: nothing was done, it may be asked elsewhere. */
export const NOT_LEADER_HEADER = "X-Steppe-Not-Leader";

/** How far the server that answered a read may be behind. */
export interface ReadMeta {
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

/** The leader answered, or leadership was confirmed. */
export const CURRENT: ReadMeta = { knownLeader: true, lastContactMs: 0 };

/** The headers of a read's answer, in the order and spelling of Go's. */
export function readHeaders(
  index: number,
  meta: ReadMeta,
  contentType: string,
  lengthBytes: number,
  gzipped: boolean,
  nextToken: string,
): Record<string, string> {
  const headers: Record<string, string> = {
    "Content-Type": contentType,
    Vary: "Accept-Encoding",
    "X-Nomad-Index": String(index),
    "X-Nomad-Knownleader": meta.knownLeader ? "true" : "false",
    "X-Nomad-Lastcontact": String(meta.lastContactMs),
    "Content-Length": String(lengthBytes),
  };
  if (nextToken !== "") headers["X-Nomad-Nexttoken"] = nextToken;
  if (gzipped) headers["Content-Encoding"] = "gzip";
  return headers;
}

export const JSON_TYPE = "application/json";
export const TEXT_TYPE = "text/plain; charset=utf-8";

/** An answer with a body that is ready. An empty body has no content type. */
export function bodyResponse(
  status: number,
  body: Buffer,
  contentType: string,
  extra?: Readonly<Record<string, string>>,
): ApiResponse {
  const headers: Record<string, string> = { Vary: "Accept-Encoding", ...extra };
  if (body.length > 0 && contentType !== "") headers["Content-Type"] = contentType;
  if (status !== 204) headers["Content-Length"] = String(body.length);
  return { status, headers, body };
}

/** JSON for one request; compressed on the thread pool where the client takes it and it is worth it. */
export function jsonResponse(
  request: ApiRequest,
  status: number,
  data: unknown,
  extra?: Readonly<Record<string, string>>,
): ApiResponse | Promise<ApiResponse> {
  const body = Buffer.from(wantsPretty(request) ? JSON.stringify(data, null, 4) : JSON.stringify(data));
  return compressedResponse(request, status, body, JSON_TYPE, extra);
}

/** The same for a body that is ready. */
export function compressedResponse(
  request: ApiRequest,
  status: number,
  body: Buffer,
  contentType: string,
  extra?: Readonly<Record<string, string>>,
): ApiResponse | Promise<ApiResponse> {
  if (body.length < GZIP_MIN_BYTES || !acceptsGzip(request)) return bodyResponse(status, body, contentType, extra);
  return gzip(body).then((gzipped) =>
    bodyResponse(status, gzipped, contentType, { ...extra, "Content-Encoding": "gzip" }),
  );
}

/** Compresses on the thread pool. */
export function gzip(body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zlib.gzip(body, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

export function textResponse(status: number, text: string, extra?: Readonly<Record<string, string>>): ApiResponse {
  return bodyResponse(status, Buffer.from(text), TEXT_TYPE, extra);
}

/** The answer to a request that failed: the error's text, without a newline. */
export function errorResponse(error: unknown): ApiResponse {
  const status = error instanceof SteppeError ? error.status : 500;
  const extra = status === 413 ? { Connection: "close" } : undefined;
  return textResponse(status, errorMessage(error), extra);
}

export function emptyResponse(status: number): ApiResponse {
  return bodyResponse(status, Buffer.alloc(0), "");
}

/** `gzip` is among the encodings that the client takes, and not with a quality of 0. */
export function acceptsGzip(request: ApiRequest): boolean {
  const accepted = request.header("accept-encoding");
  if (accepted === undefined || !accepted.includes("gzip")) return false;
  return !accepted.includes("q=0") || !/gzip\s*;\s*q=0(\.0*)?\s*(,|$)/.test(accepted);
}

const NOT_PRETTY: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** `pretty` alone counts as true, as does anything that is not a Go bool's "false". */
export function wantsPretty(request: ApiRequest): boolean {
  if (request.query.text === "") return false;
  const value = request.query.get("pretty");
  return value !== undefined && !NOT_PRETTY.has(value);
}
