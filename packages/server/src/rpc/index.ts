export { rpcErrors } from "./errors.js";
export { RpcTransport, type RpcTransportOptions } from "./transport.js";
export type { RpcCall, RpcHandlers, RpcIdentity, RpcRequest, RpcResponse } from "./types.js";
