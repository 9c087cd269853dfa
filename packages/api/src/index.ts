export {
  defineEndpoints,
  type Endpoint,
  type EndpointKind,
  type HttpMethod,
  list,
  type ListSupport,
  methodsOf,
  type PathParams,
  plainList,
} from "./endpoint.js";
export { endpointEntries, type EndpointName, endpoints, type Endpoints } from "./endpoints/index.js";
export { type Filter, compileFilter } from "./filter/filter.js";
export { filterRowSchemas, type RowSchema } from "./filter/row-schema.js";
export {
  createJsonTransport,
  type JsonAnswer,
  type JsonRequest,
  type JsonTransport,
  splitAddress,
  type TransportTls,
} from "./client/json-transport.js";
export { type AnswerMeta, type QueryValues, withQuery } from "./client/query.js";
