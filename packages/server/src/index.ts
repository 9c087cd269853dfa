export type { ClusterOperations, Logger, Metrics, Raft, RaftPeer, ServerConfig, ServerContext } from "./context.js";
export { handlers, warmHandlers } from "./handlers/index.js";
export * from "./http/index.js";
export { LeaderLoops, type LeaderOptions } from "./leader/index.js";
export * from "./membership/index.js";
export { MetricsRegistry } from "./metrics.js";
export * from "./raft/index.js";
export * from "./regions/index.js";
export { RpcTransport, type RpcTransportOptions } from "./rpc/index.js";
