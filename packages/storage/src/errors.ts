import { defineErrors } from "@steppe/shared";

/** Everything that can go wrong on this machine's disk, as one line that says what to do. */
export const storageErrors = defineErrors({
  directoryInUse: {
    message:
      "data directory {path} is in use by another Steppe process{owner}: stop it, or give this one a data_dir of its own",
  },
  databaseInUse: { message: "database {path} is in use by another process: stop it, or use another data directory" },
  directoryUnusable: { message: "data directory {path} cannot be used: {reason}" },
  formatNewer: {
    message:
      "data directory {path} was written in format {found}, and this version of Steppe reads up to format {supported}: run the newer version of Steppe that wrote it",
  },
  formatUnreadable: {
    message:
      "data directory {path} has an unreadable file {file}: restore it from a backup, or start with an empty directory",
  },
  databaseUnusable: { message: "database {path} cannot be opened: {reason}" },
  logHole: {
    message:
      "Raft log {path} is damaged: entries {from} to {to} are missing; refusing to start on it (remove this server's data directory to let it catch up from the others)",
  },
  logCorrupt: {
    message:
      "Raft log {path} is damaged: the entries that start at {index} cannot be read ({reason}); refusing to start on it (remove this server's data directory to let it catch up from the others)",
  },
  logTruncated: {
    message:
      "Raft log {path} ends at entry {last}, but entry {commit} was committed: entries were lost; refusing to start on it (remove this server's data directory to let it catch up from the others)",
  },
  logWriteFailed: { message: "writing the Raft log {path} failed: {reason}" },
  logReadFailed: { message: "reading the Raft log {path} failed: {reason}" },
  rowsCorrupt: { message: "state database {path} is damaged: {reason}" },
  rowsWriteFailed: { message: "writing the state database {path} failed: {reason}" },
});
