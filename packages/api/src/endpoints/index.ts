import type { Endpoint } from "../endpoint.js";
import { allocationEndpoints } from "./allocations.js";
import { deploymentEndpoints } from "./deployments.js";
import { evaluationEndpoints } from "./evaluations.js";
import { jobEndpoints } from "./jobs.js";
import { nodeAgentEndpoints, nodeEndpoints } from "./nodes.js";
import { operatorEndpoints } from "./operator.js";
import { systemEndpoints } from "./system.js";

/**
 * Every endpoint of the HTTP API. Routing, validation, the API reference, the typed client and the contract tests loop over
 * this table, and a handler that is missing for one of its names does not compile.
 */
export const endpoints = {
  ...jobEndpoints,
  ...nodeEndpoints,
  ...nodeAgentEndpoints,
  ...allocationEndpoints,
  ...evaluationEndpoints,
  ...deploymentEndpoints,
  ...operatorEndpoints,
  ...systemEndpoints,
} as const;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;

/** The table as a list of pairs, for those who loop over it. */
export const endpointEntries = Object.entries(endpoints) as readonly [EndpointName, Endpoint][];
