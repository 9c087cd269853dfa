import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import { errorMessage, type Random, SteppeError, systemRandom } from "@steppe/shared";

import { storageErrors } from "./errors.js";
import { type Database, openDatabase } from "./level-database.js";

/** The layout of a data directory that this version writes. Raise it when an older version could not read the result. */
export const DATA_FORMAT = 1;

const FORMAT_FILE = "format.json";
const NODE_ID_FILE = "node-id";
const OWNER_FILE = "owner.pid";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A data directory that belongs to this process until `close`. */
export interface DataDirectory {
  readonly path: string;
  /** This agent's UUID, made when the directory was created; it survives restarts. */
  readonly nodeId: string;
  /** The path of a part of the directory, such as `raft` or `state`. */
  subdirectory(name: string): string;
  /** Gives the lock back. Databases inside must be closed before. */
  close(): Promise<void>;
}

/**
 * Opens (or creates) the data directory at `path` for this process alone.
 *
 * Throws `formatNewer` when a newer Steppe wrote it, `directoryInUse` when another process holds it, `formatUnreadable`
 * when one of its small files is damaged, and `directoryUnusable` when the file system refuses. The lock is LevelDB's on an
 * empty database: the kernel drops it when its holder dies, so nothing is left to clean up after `kill -9`.
 */
export async function openDataDirectory(path: string, random: Random = systemRandom): Promise<DataDirectory> {
  try {
    await mkdir(path, { recursive: true });
    await checkFormat(path);
    const lock = await acquireLock(path);
    try {
      // Again under the lock: another process may have created the directory in between.
      if (!(await checkFormat(path)))
        await writeDurably(join(path, FORMAT_FILE), JSON.stringify({ format: DATA_FORMAT }) + "\n");
      const nodeId = await loadNodeId(path, random);
      await writeDurably(join(path, OWNER_FILE), `${process.pid}\n`);
      return { path, nodeId, subdirectory: (name) => join(path, name), close: () => lock.close() };
    } catch (error) {
      await lock.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof SteppeError) throw error;
    throw storageErrors.directoryUnusable({ path, reason: errorMessage(error) }, error);
  }
}

/** Whether there is a format file; throws unless it names a format that this version reads. */
async function checkFormat(path: string): Promise<boolean> {
  const text = await readIfExists(join(path, FORMAT_FILE));
  if (text === undefined) return false;
  const found = parseFormat(text);
  if (found === undefined) throw storageErrors.formatUnreadable({ path, file: FORMAT_FILE });
  if (found > DATA_FORMAT) throw storageErrors.formatNewer({ path, found, supported: DATA_FORMAT });
  return true;
}

function parseFormat(text: string): number | undefined {
  try {
    const format: unknown = (JSON.parse(text) as { format?: unknown } | null)?.format;
    return Number.isSafeInteger(format) && (format as number) > 0 ? (format as number) : undefined;
  } catch {
    // The caller reports the file as unreadable, which is all that JSON's message would add.
    return undefined;
  }
}

async function acquireLock(path: string): Promise<Database> {
  try {
    return await openDatabase(join(path, "lock"), { writeBufferBytes: 64 * 1024 });
  } catch (error) {
    if (!(error instanceof SteppeError) || error.code !== "databaseInUse") throw error;
    const pid = (await readIfExists(join(path, OWNER_FILE)))?.trim();
    throw storageErrors.directoryInUse({ path, owner: pid === undefined ? "" : ` (pid ${pid})` }, error);
  }
}

async function loadNodeId(path: string, random: Random): Promise<string> {
  const text = await readIfExists(join(path, NODE_ID_FILE));
  if (text !== undefined) {
    const nodeId = text.trim();
    // A new id in place of a damaged one would make this server a stranger that still holds the old one's log.
    if (!UUID.test(nodeId)) throw storageErrors.formatUnreadable({ path, file: NODE_ID_FILE });
    return nodeId;
  }
  const nodeId = random.uuid();
  await writeDurably(join(path, NODE_ID_FILE), `${nodeId}\n`);
  return nodeId;
}

async function readIfExists(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Replaces a small file so that after a crash it holds the old content or the new, never half of one. */
async function writeDurably(file: string, content: string): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directory = await open(dirname(file), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
