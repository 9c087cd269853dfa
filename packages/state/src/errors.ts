import { defineErrors } from "@steppe/shared";

/** Why a command was refused. The proposer gets it thrown; nothing was written. */
export const errors = defineErrors({
  enforceIndexConflict: {
    message: "Enforcing job modify index {index}: job exists with conflicting job modify index: {actual}",
    status: 409,
  },
  enforceIndexExists: { message: "Enforcing job modify index 0: job already exists", status: 409 },
  enforceIndexMissing: { message: "Enforcing job modify index {index}: job does not exist", status: 409 },
  jobNotFound: { message: "job not found", status: 404 },
  jobVersionNotFound: {
    message: 'job "{jobID}" in namespace "{namespace}" at version {version} not found',
    status: 404,
  },
  namespaceMissing: { message: 'job "{jobID}" is in nonexistent namespace "{namespace}"', status: 400 },
  nodeNotFound: { message: "node not found", status: 404 },
  nodeSecretMismatch: { message: "node secret ID does not match. Not registering node.", status: 403 },
  deploymentNotFound: { message: "deployment not found", status: 404 },
  deploymentTerminal: { message: 'deployment "{id}" has terminal status "{status}"', status: 400 },
  restoreIncomplete: {
    message: "The snapshot was not restored: not all of its parts are there, since another restore has begun",
    status: 409,
  },
  snapshotInvalid: { message: "not a snapshot of a server's state: {reason}", status: 400 },
  namespaceNotFound: { message: "namespace not found", status: 404 },
  namespaceInUse: { message: 'namespace "{name}" has non-terminal jobs in regions: [{region}]', status: 409 },
  nodePoolInUse: { message: 'node pool "{name}" has nodes or non-terminal jobs', status: 409 },
  versionTagTaken: { message: 'tag "{name}" already exists on a different version of job "{jobID}"', status: 400 },
  versionTagNotFound: { message: 'tag "{name}" not found on job "{jobID}"', status: 404 },
});
