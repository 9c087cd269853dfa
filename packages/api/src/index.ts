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
export * from "./client/index.js";
