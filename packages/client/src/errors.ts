import { defineErrors } from "@steppe/shared";

/** What can go wrong on a node. The texts of driver errors reach users as task events. */
export const errors = defineErrors({
  noServers: { message: "No server is known: set client.servers to the HTTP address of at least one" },
  noServerAnswers: { message: "No server answers {path}: {reason}", status: 502 },
  stateUnreadable: { message: "Cannot read the client state {file}: {reason}" },
  identityUnreadable: { message: "Cannot read the node's identity {file}: {reason}" },
  unknownDriver: { message: 'Driver "{driver}" is not available on this node' },
  commandMissing: { message: "missing command for raw_exec driver" },
  commandNotFound: { message: "failed to launch command: file {command} not found under path {path}" },
  commandNotExecutable: { message: "failed to launch command: {command} is not an executable file" },
  unknownUser: { message: 'failed to launch command: user "{user}" is not known on this node' },
  supervisorFailed: { message: "failed to launch command: {reason}" },
  badConfig: { message: "task config: {field} must be {expected}" },
  mockStartError: { message: "{text}" },
  unknownSignal: { message: 'unknown signal "{signal}"' },
  taskNotRunning: { message: "Task not running" },
  unsupported: { message: "{feature} is not supported on this node yet" },
  escapesDirectory: { message: "path {path} escapes the allocation directory" },
});
