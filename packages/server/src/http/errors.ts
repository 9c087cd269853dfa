import { defineErrors } from "@steppe/shared";

/** The errors of the HTTP pipeline: the texts are those that the API's clients look at. */
export const httpErrors = defineErrors({
  invalidIndex: { message: "Invalid index", status: 400 },
  invalidWait: { message: "Invalid wait time", status: 400 },
  invalidFlag: { message: "Expect `true` or `false` for `{name}` query string parameter", status: 400 },
  invalidPage: { message: "Expect a number for `per_page` query string parameter", status: 400 },
  invalidQuery: { message: "invalid query: {reason}", status: 400 },
  conflictingModes: { message: "Cannot specify stale with consistent, conflicting semantics.", status: 400 },
  invalidBool: {
    message:
      'Failed to parse value of "{name}" ({value}) as a bool: strconv.ParseBool: parsing "{value}": invalid syntax',
    status: 400,
  },
  invalidInteger: { message: 'Failed to parse value of "{name}" ({value}) as an integer', status: 400 },
  emptyBody: { message: "Request body is empty", status: 400 },
  invalidBody: { message: "{reason}", status: 400 },
  bodyTooLarge: { message: "Request body is larger than {limitBytes} bytes", status: 413 },
  invalidMethod: { message: "Invalid method", status: 405 },
  permissionDenied: { message: "Permission denied", status: 403 },
  noLeader: { message: "No cluster leader", status: 500 },
  /** A write that reached the leader, whose answer did not come back. */
  unknownOutcome: {
    message: "The connection to the leader was lost while it worked on this write: it may or may not have been done",
    status: 500,
  },
  /** Rejections of a leader link: the request never left this server, so that it may be sent again. */
  notSent: { message: "The leader cannot be reached", status: 500 },
  canceled: { message: "The client has gone", status: 499 },
  noRegionPath: { message: "No path to region", status: 404 },
  regionUnreachable: { message: "No server of region {region} answers: {reason}", status: 502 },
  regionLoop: { message: "Region {region} was asked through another region, which also forwards it", status: 508 },
  portInUse: {
    message:
      "Cannot listen on {host}:{port} for HTTP: the port is in use. Stop the program that holds it, or set ports.http",
  },
  listenFailed: { message: "Cannot listen on {host}:{port} for HTTP: {reason}" },
});
