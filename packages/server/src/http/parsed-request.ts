import type { Endpoint, EndpointName } from "@steppe/api";

import type { Identity } from "./access.js";
import type { ApiRequest } from "./api-message.js";
import type { Query } from "./query.js";

export type ConsistencyMode = "default" | "stale" | "consistent";

/** A request that the pipeline has understood: what handlers get. */
export interface ParsedRequest<P extends string = string> {
  readonly name: EndpointName;
  readonly endpoint: Endpoint;
  /** The parameters of the path, decoded. */
  readonly params: Readonly<Record<P, string>>;
  readonly query: Query;
  /** `?namespace=`, `default` where absent; `*` is all of them, where an endpoint lists. */
  readonly namespace: string;
  /** The region that was asked for: this one. */
  readonly region: string;
  readonly mode: ConsistencyMode;
  /** The parsed JSON body; undefined where the endpoint takes none or it is empty. */
  readonly body: unknown;
  /** The body's bytes, of endpoints that take any (`body: "raw"`, `"optional"`, `"required"`). */
  readonly rawBody: Buffer | undefined;
  /** Who asks. */
  readonly identity: Identity;
  /** The header's value; the name in lower case. */
  header(name: string): string | undefined;
  readonly remoteAddress: string;
  readonly source: ApiRequest;
}
