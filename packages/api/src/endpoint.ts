import type { TSchema } from "@sinclair/typebox";

/**
 * How a request is served.
 * - `read`: a synchronous look at the state, under the consistency mode that the client asked for.
 * - `write`: runs on the leader and proposes a command.
 * - `local`: answered by the server that was asked, from what it knows itself.
 * - `stream`: the handler writes the answer as it comes (logs, events).
 */
export type EndpointKind = "read" | "write" | "local" | "stream";

export type HttpMethod = "GET" | "PUT" | "POST" | "DELETE";

/** What a list endpoint understands in its query. */
export interface ListSupport {
  readonly prefix: boolean;
  readonly filter: boolean;
  /** `per_page` and `next_token`. */
  readonly paging: boolean;
  readonly reverse: boolean;
  /** `namespace=*` lists the rows of all namespaces. */
  readonly namespaceWildcard: boolean;
}

/** One row of the table of endpoints: everything about it that is data. */
export interface Endpoint {
  /** PUT answers POST as well, unless `putOnly`. */
  readonly method: HttpMethod;
  readonly putOnly?: boolean;
  /**
   * Segments after slashes: literal, `:name` (one segment) or `:name+` (one or more; whatever literal segments the path
   * has after it must be the last ones of the request, so that a job's id may contain slashes).
   */
  readonly path: string;
  readonly kind: EndpointKind;
  /** Waits for `index` and `wait`; reads only. */
  readonly blocking?: boolean;
  /** The ACL capability that the caller needs; alternatives are separated by `|`. `none` is open to everybody. */
  readonly capability: string;
  /** Set for the lists whose paging, filter and order the pipeline does. */
  readonly list?: ListSupport;
  /** What the body must be: `required` refuses an empty one, `raw` is not JSON. Default: no body is read. */
  readonly body?: "required" | "optional" | "raw";
  readonly bodySchema?: TSchema;
  readonly responseSchema?: TSchema;
  /** False: `?region=` is ignored, the agent that was asked answers (what is about this very agent). */
  readonly regional?: boolean;
  /** The status of a wrong method; 405 unless the API that people know says otherwise. */
  readonly wrongMethodStatus?: number;
  /** One line for the API reference. */
  readonly summary: string;
}

/** The names of a path's parameters: `"id" | "name"` of `/v1/job/:id+/versions/:name/tag`. */
export type PathParams<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? PathParams<Head> | PathParams<Tail>
  : Path extends `:${infer Name}+`
    ? Name
    : Path extends `:${infer Name}`
      ? Name
      : never;

/** Keeps the literal types of a table of endpoints while checking each row. */
export function defineEndpoints<const T extends Readonly<Record<string, Endpoint>>>(table: T): T {
  return table;
}

const NONE: ListSupport = { prefix: false, filter: false, paging: false, reverse: false, namespaceWildcard: false };

/** A list with everything but what is switched off. */
export function list(except: Partial<ListSupport> = {}): ListSupport {
  return { prefix: true, filter: true, paging: true, reverse: true, namespaceWildcard: true, ...except };
}

/** A list with nothing but what is switched on. */
export function plainList(only: Partial<ListSupport> = {}): ListSupport {
  return { ...NONE, ...only };
}

/** All methods that an endpoint answers to. */
export function methodsOf(endpoint: Endpoint): readonly HttpMethod[] {
  return endpoint.method === "PUT" && endpoint.putOnly !== true ? ["PUT", "POST"] : [endpoint.method];
}
