import { mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

/**
 * A file without a name: whatever becomes of the process, the kernel frees its blocks with the last handle. `name` need only differ from
 * those of files that are being made at the same time.
 */
export async function openScratchFile(directory: string, name: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const handle = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

const READ_BYTES = 256 * 1024;

/** The file's content from its beginning; the handle stays open. */
export async function* readFileHandle(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    // A buffer of its own for each piece: whoever gets it may keep it.
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
