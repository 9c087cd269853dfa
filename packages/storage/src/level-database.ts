import { errorMessage } from "@steppe/shared";
import { ClassicLevel } from "classic-level";

import { storageErrors } from "./errors.js";

/** LevelDB with bytes for keys and values. */
export type Database = ClassicLevel<Uint8Array, Uint8Array>;

export interface DatabaseTuning {
  /** How much LevelDB gathers in memory before it writes a sorted table. */
  writeBufferBytes: number;
}

/**
 * Opens the LevelDB database in the directory `path`, creating it if need be. LevelDB holds a lock on it that the kernel
 * releases when the process ends, however it ends. Throws `databaseInUse` or `databaseUnusable`.
 */
export async function openDatabase(path: string, tuning: DatabaseTuning): Promise<Database> {
  const database: Database = new ClassicLevel(path, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    writeBufferSize: tuning.writeBufferBytes,
    // Larger tables than LevelDB's 2 MiB: what we write is large and short-lived, and each file costs an fsync.
    maxFileSize: 8 * 1024 * 1024,
  });
  try {
    await database.open();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (isLocked(error) || isLocked(cause)) throw storageErrors.databaseInUse({ path }, error);
    throw storageErrors.databaseUnusable({ path, reason: errorMessage(cause) }, error);
  }
  return database;
}

function isLocked(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "LEVEL_LOCKED";
}
