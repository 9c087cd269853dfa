export { type AccessControl, type Identity, openAccess } from "./access.js";
export {
  type ApiRequest,
  type ApiResponse,
  fromWireRequest,
  makeRequest,
  toWireRequest,
  type WireRequest,
  type WireResponse,
} from "./api-message.js";
export { httpErrors } from "./errors.js";
export type {
  HandlerOf,
  Handlers,
  ListHandler,
  LocalHandler,
  LocalResult,
  ReadHandler,
  ReadResult,
  StreamHandler,
  StreamResult,
  WriteHandler,
  WriteResult,
} from "./handler.js";
export { closeServer, createHttpServer, type HttpServerOptions, listen, type RequestServer } from "./http-server.js";
export type { CallLeader } from "./leader-calls.js";
export { type ListSource, listSource } from "./list-source.js";
export type { ConsistencyMode, ParsedRequest } from "./parsed-request.js";
export { Pipeline, type PipelineOptions } from "./pipeline.js";
export { Query } from "./query.js";
export { bodyResponse, errorResponse, JSON_TYPE } from "./response.js";
