import { defineErrors } from "@steppe/shared";

/**
 * What the handlers refuse. Texts are Nomad's; where Nomad answers 500 for a fault of the client's, the status here is 4xx
 * (docs/compatibility.md lists these).
 */
export const errors = defineErrors({
  jobMissing: { message: "Job must be specified", status: 400 },
  jobIDMissing: { message: "Job ID hasn't been provided", status: 400 },
  jobIDMismatch: { message: "Job ID does not match name", status: 400 },
  evalPriority: { message: "Eval priority must be between 1 and 100 inclusively", status: 400 },
  systemScaling: { message: "Task groups with job type {type} do not support scaling blocks", status: 400 },
  otherRegion: { message: 'Job is for region "{region}": send it with ?region={region}', status: 400 },
  invalidJob: { message: "{text}", status: 400 },
  registrationRejected: { message: "job registration is rejected by the scheduler configuration", status: 403 },
  jobNotFound: { message: "job not found", status: 404 },
  evaluatePeriodic: { message: "can't evaluate periodic job", status: 400 },
  evaluateParameterized: { message: "can't evaluate parameterized job", status: 400 },
  allocationNotFound: { message: "allocation not found", status: 404 },
  nodeNotFound: { message: "node not found", status: 404 },
  invalidEligibility: { message: 'invalid scheduling eligibility "{eligibility}"', status: 400 },
  eligibleWhileDraining: {
    message: "can not set node's scheduling eligibility to eligible while it is draining",
    status: 400,
  },
  nodeFields: { message: "Failed to parse node list fields: {reason}", status: 400 },
  shortID: { message: "{kind} lookup failed: index error: UUID must be 36 characters", status: 400 },
  invalidID: { message: "{kind} lookup failed: index error: Invalid UUID: {reason}", status: 400 },
  oddPrefix: { message: "{kind} lookup failed: index error: Input (without hyphens) must be even length", status: 400 },
  filterAlone: { message: "Filter expression cannot be used with other filter parameters", status: 400 },
  nodeMissing: { message: "missing node for client registration", status: 400 },
  nodeFieldMissing: { message: "missing {field} for client registration", status: 400 },
  nodeIDMismatch: { message: "Node ID does not match the path", status: 400 },
  invalidNodeStatus: { message: "invalid status for node", status: 400 },
  peerMissing: { message: "Must specify the peer's ID to remove", status: 400 },
  transferTargetMissing: { message: "must specify id or address", status: 400 },
  peerNamedTwice: { message: "must specify either id or address, not both", status: 400 },
  peerNotFound: { message: '{by} "{value}" was not found in the Raft configuration', status: 404 },
  transferToNonVoter: { message: "cannot transfer leadership to {id}: it does not vote", status: 400 },
  schedulerAlgorithm: { message: "invalid scheduler algorithm: {algorithm}", status: 400 },
  autopilotConfig: { message: "Error parsing autopilot config: {reason}", status: 400 },
  autopilotConflict: { message: "the autopilot configuration was changed by somebody else meanwhile", status: 409 },
  permissionDenied: { message: "Permission denied", status: 403 },
});
