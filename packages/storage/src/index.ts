export { DATA_FORMAT, type DataDirectory, openDataDirectory } from "./data-directory.js";
export { storageErrors } from "./errors.js";
export { encodedEntriesBytes, readEntries, writeEntries } from "./log-codec.js";
export type { LogConfiguration, PendingRestore } from "./log-recovery.js";
export { type LogAppend, LogStore, type LogStoreOptions, openLogStore } from "./log-store.js";
export { type LoadedRows, openRowStore, RowStore, type RowStoreMeta, type RowWrite } from "./row-store.js";
