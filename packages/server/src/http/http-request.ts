import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";

import type { ApiRequest } from "./api-message.js";
import { httpErrors } from "./errors.js";
import type { Query } from "./query.js";

/** A request that came over HTTP. What few requests need is made when it is asked for. */
export class HttpRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly forwarded = false;
  #body: Buffer | undefined;
  #controller: AbortController | undefined;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #bodyBytesMax: number;

  constructor(message: IncomingMessage, response: ServerResponse, path: string, query: Query, bodyBytesMax: number) {
    this.method = message.method ?? "";
    this.path = path;
    this.query = query;
    this.#message = message;
    this.#response = response;
    this.#bodyBytesMax = bodyBytesMax;
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return typeof value === "object" ? value[0] : value;
  }

  headers(): Readonly<Record<string, string | string[] | undefined>> {
    return this.#message.headers;
  }

  get body(): Buffer | undefined {
    return this.#body;
  }

  get bodyStream(): Readable {
    return this.#message;
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? "";
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = (this.#controller = new AbortController());
      const response = this.#response;
      if (response.destroyed) controller.abort();
      // "close" comes after a finished answer, too.
      else
        response.once("close", () => {
          if (!response.writableFinished) controller.abort();
        });
    }
    return this.#controller.signal;
  }

  readBody(): Promise<Buffer | undefined> {
    const message = this.#message;
    const limitBytes = this.#bodyBytesMax;
    const tooLarge = (): Error => httpErrors.bodyTooLarge({ limitBytes });
    if (Number(message.headers["content-length"] ?? 0) > limitBytes) return Promise.reject(tooLarge());
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let length = 0;
      message.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > limitBytes) {
          message.removeAllListeners("data");
          message.pause();
          reject(tooLarge());
        } else chunks.push(chunk);
      });
      message.on("end", () => resolve((this.#body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))));
      message.on("error", reject);
      message.on("close", () => {
        if (!message.complete) reject(httpErrors.canceled());
      });
    });
  }
}
