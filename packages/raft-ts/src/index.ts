export {
  ConfChangeTransition,
  ConfChangeType,
  asConfChangeV2,
  decodeConfChange,
  encodeConfChange,
  leaveJointChange,
  type ConfChange,
  type ConfChangeSingle,
  type ConfChangeV1,
  type ConfChangeV2,
} from "./conf-change.js";
export { ReadOnlyOption, type Config } from "./config.js";
export {
  describeConfChanges,
  describeConfState,
  describeConfig,
  describeData,
  describeEntries,
  describeEntry,
  describeHardState,
  describeMessage,
  describeMessageType,
  describeProgress,
  describeRaftState,
  describeReady,
  describeSnapshot,
  describeSoftState,
} from "./describe.js";
export { InvariantError, RaftError, isRaftError, type RaftErrorCode } from "./errors.js";
export { MemoryStorage, emptyConfState, emptyHardState, emptySnapshot } from "./memory-storage.js";
export { isLocalMessage, isLocalTarget, isResponseMessage, newMessage } from "./messages.js";
export { RawNode, type Peer } from "./raw-node.js";
export { ProgressState, type ConfigStatus, type ProgressStatus, type Status } from "./status.js";
export { entriesSize, entrySize, type Storage } from "./storage.js";
export {
  EntryType,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  NONE,
  RaftState,
  type ConfState,
  type Entry,
  type EntryId,
  type HardState,
  type Logger,
  type Message,
  type ReadState,
  type Ready,
  type Snapshot,
  type SnapshotMetadata,
  type SoftState,
} from "./types.js";
