export { type ArchiveMetadata, createArchive } from "./archive.js";
export { restoreArchive } from "./restore.js";
