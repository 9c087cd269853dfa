import { defineErrors } from "@steppe/shared";

/** What can happen to a request between servers. Codes agree with the pipeline's, which tells them apart. */
export const rpcErrors = defineErrors({
  /** The request never left this server: it may be sent again. */
  notSent: { message: "No connection to server {peer} at {address}: {reason}" },
  /** The request was sent and no answer came: it may have been done. */
  unknownOutcome: {
    message: "The connection to server {peer} at {address} was lost before it answered: the request may have been done",
  },
  canceled: { message: "The request was canceled by its sender", status: 499 },
  remoteFailed: { message: "Server {peer} failed to answer: {reason}" },
  streamLost: { message: "The answer of server {peer} ended early" },
  snapshotFailed: { message: "The snapshot for server {peer} was not taken: {reason}" },
  portInUse: {
    message:
      "Cannot listen on {host}:{port} for RPC: the port is in use. Stop the program that holds it, or set ports.rpc",
  },
  listenFailed: { message: "Cannot listen on {host}:{port} for RPC: {reason}" },
});
