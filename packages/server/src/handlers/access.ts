import { timingSafeEqual } from "node:crypto";

import type { ReadView } from "@steppe/state";
import type { Node } from "@steppe/structs";

import type { ParsedRequest } from "../http/parsed-request.js";
import { errors } from "./errors.js";

/** The header in which a node agent proves which node it is. */
export const NODE_SECRET_HEADER = "x-steppe-node-secret";

/**
 * The pipeline has authorized the query's namespace. Where a row or a body names another one, that one counts.
 * @throws 403
 */
export function requireNamespace(request: ParsedRequest, namespace: string): void {
  if (namespace === request.namespace) return;
  const capabilities = request.endpoint.capability.split("|");
  if (!capabilities.some((capability) => request.identity.allows(capability, namespace))) {
    throw errors.permissionDenied();
  }
}

/** The node that the path names and whose secret the request has. @throws 404, 403 */
export function provenNode(view: ReadView, request: ParsedRequest<"id">): Node {
  const node = view.get("nodes", request.params.id);
  if (!node) throw errors.nodeNotFound();
  if (!sameSecret(node.SecretID, request.header(NODE_SECRET_HEADER))) throw errors.permissionDenied();
  return node;
}

/** Compares secrets in constant time; an empty one matches nothing. */
export function sameSecret(expected: string, given: string | undefined): boolean {
  if (!expected || !given || expected.length !== given.length) return false;
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}
