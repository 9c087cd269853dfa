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
};
