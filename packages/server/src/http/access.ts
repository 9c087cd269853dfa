import type { Endpoint } from "@steppe/api";

import type { ApiRequest } from "./api-message.js";

/** Who asks, and what that one may do. */
export interface Identity {
  /** Equal for those who may see the same: part of the key of whatever is kept per answer. */
  readonly key: string;
  /** May use the capability, in the namespace where the capability is one of a namespace. */
  allows(capability: string, namespace?: string): boolean;
  /** May read every namespace with this capability: no row needs to be looked at. */
  allowsEverywhere(capability: string): boolean;
}

/** The pipeline's two questions about access; ACLs give the second implementation. */
export interface AccessControl {
  /** Finds out who asks; throws 403 for an unknown token. */
  authenticate(request: ApiRequest): Identity | Promise<Identity>;
  /** Throws 403 unless the endpoint's capability is granted in the namespace. */
  authorize(identity: Identity, endpoint: Endpoint, namespace: string): void;
}

const EVERYBODY: Identity = { key: "", allows: () => true, allowsEverywhere: () => true };

/** ACLs are off: everybody may do everything. */
export const openAccess: AccessControl = {
  authenticate: () => EVERYBODY,
  authorize: () => undefined,
};
