export { type Answer, ApiClient, type ApiClientOptions, type CallOptions } from "./api-client.js";
export {
  createJsonTransport,
  type JsonAnswer,
  type JsonRequest,
  type JsonTransport,
  splitAddress,
  type TransportTls,
} from "./json-transport.js";
export { type AnswerMeta, type QueryValues, withQuery } from "./query.js";
