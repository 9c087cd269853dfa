import { defineErrors } from "@steppe/shared";

/** What a proposal or a read can end in. The codes `noLeader` and `unknownOutcome` are the pipeline's. */
export const raftErrors = defineErrors({
  /** Nothing was appended: it may be tried again, at the leader. */
  noLeader: { message: "No cluster leader" },
  /** The entry was appended on a leader that is none any more: it may or may not be committed. */
  unknownOutcome: { message: "leadership lost while committing log" },
  overloaded: { message: "Too many writes are waiting to be committed: try again later", status: 429 },
  confChangeRefused: {
    message: "The change of the servers' configuration was refused: another one is under way, or it changes nothing",
  },
  unknownServer: { message: "Server {id} is not in the configuration", status: 400 },
  lastVoter: { message: "The only server that votes cannot be removed", status: 400 },
  peersFile: { message: "{file}: {reason}. Correct it, or remove it to start without it" },
  noTransferTarget: { message: "There is no other voter that leadership could be handed to", status: 400 },
  transferFailed: { message: "Leadership was not handed over within {timeoutMs} ms" },
  stopped: { message: "This server is shutting down" },
  stateAhead: {
    message:
      "The state on disk stands at entry {durable}, but the Raft log ends at {last}: the log lost entries; refusing to start on it (remove this server's data directory to let it catch up from the others)",
  },
  stateBehind: {
    message:
      "The state on disk stands at entry {durable}, but the Raft log begins behind {first}: the state lost entries; refusing to start on it (remove this server's data directory to let it catch up from the others)",
  },
});
