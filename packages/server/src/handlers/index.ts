import {
  AllocUpdateRequestSchema,
  JobEvaluateRequestSchema,
  JobRegisterRequestSchema,
  JobValidateRequestSchema,
  NodeDrainRequestSchema,
  NodeEligibilityRequestSchema,
  NodeHeartbeatRequestSchema,
  NodeRegisterRequestSchema,
  warmSchemas,
} from "@steppe/structs";

import type { Handlers } from "../http/handler.js";
import { agentHandlers } from "./agent.js";
import { allocationHandlers } from "./allocations.js";
import { clusterHandlers } from "./cluster.js";
import { deploymentHandlers } from "./deployments.js";
import { evaluationHandlers } from "./evaluations.js";
import { jobReadHandlers } from "./job-reads.js";
import { jobHandlers } from "./jobs.js";
import { nodeAgentHandlers } from "./node-agent.js";
import { nodeHandlers } from "./nodes.js";
import { operatorHandlers } from "./operator.js";

/** The handler of every endpoint: one that is missing does not compile. */
export const handlers: Handlers = {
  ...jobHandlers,
  ...jobReadHandlers,
  ...nodeHandlers,
  ...nodeAgentHandlers,
  ...allocationHandlers,
  ...evaluationHandlers,
  ...deploymentHandlers,
  ...agentHandlers,
  ...clusterHandlers,
  ...operatorHandlers,
};

/**
 * Compiles the checks of request bodies, which takes about 0.2 s: to be called before the server takes part in Raft, so that no
 * request holds up heartbeats.
 */
export function warmHandlers(): void {
  warmSchemas([
    JobRegisterRequestSchema,
    JobValidateRequestSchema,
    JobEvaluateRequestSchema,
    NodeDrainRequestSchema,
    NodeEligibilityRequestSchema,
    NodeHeartbeatRequestSchema,
    NodeRegisterRequestSchema,
    AllocUpdateRequestSchema,
  ]);
}
