// `@steppe/api/client`: an entry of its own, so that agents, which have no use for it, do not load got.
export { type Answer, ApiClient, type ApiClientOptions, type CallOptions } from "./api-client.js";
