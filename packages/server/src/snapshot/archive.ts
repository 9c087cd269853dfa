import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";

import { errorMessage, SteppeError } from "@steppe/shared";

import { archiveErrors } from "./errors.js";
import { openScratchFile, readFileHandle } from "./scratch-file.js";
import { readTar, TAR_END, type TarFile, tarHeader, tarPadding } from "./tar.js";

/** The names in an archive are those of Nomad's; its state is Steppe's own. */
const METADATA = "metadata.json";
const STATE = "state.bin";
const SUMS = "SHA256SUMS";

/** The state is staged in the log, and read into memory once on each server: this much JSON is a few hundred thousand jobs. */
export const STATE_BYTES_MAX = 512 * 1024 * 1024;
const SMALL_BYTES_MAX = 1024 * 1024;

/** What an archive says of itself. */
export interface ArchiveMetadata {
  readonly Version: 1;
  readonly ID: string;
  readonly Index: number;
  readonly Term: number;
  readonly Configuration: { readonly Servers: readonly { Suffrage: string; ID: string; Address: string }[] };
  readonly Size: number;
}

export interface Archive {
  readonly stream: Readable;
  readonly sizeBytes: number;
  /** SHA-256 of the archive, in base64. */
  readonly digest: string;
}

/**
 * Writes the state into a gzipped tar. It is made on disk, never in memory: a tar says a file's size before its content, and an answer
 * its digest. `id` tells apart the files of archives that are made at the same time.
 */
export async function createArchive(options: {
  readonly directory: string;
  readonly id: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly metadata: Omit<ArchiveMetadata, "Size">;
  readonly nowMs: number;
}): Promise<Archive> {
  const { directory, id, chunks, metadata, nowMs } = options;
  const state = await openScratchFile(directory, `${id}.state`);
  try {
    const written = await writeHashed(state, chunks);
    const archive = await openScratchFile(directory, `${id}.archive`);
    try {
      const described: ArchiveMetadata = { ...metadata, Size: written.sizeBytes };
      // An error of the pieces destroys what is read here, and so is thrown.
      const zipped = pipeline(tarPieces(state, written, described, nowMs), createGzip(), () => undefined);
      const { sizeBytes, hash } = await writeHashed(archive, zipped);
      const stream = Readable.from(readThenClose(archive), { objectMode: false });
      return { stream, sizeBytes, digest: hash.digest("base64") };
    } catch (error) {
      await archive.close();
      throw error;
    }
  } finally {
    await state.close();
  }
}

interface Written {
  readonly sizeBytes: number;
  readonly hash: Hash;
}

async function writeHashed(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<Written> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    await file.write(chunk, 0, chunk.byteLength, sizeBytes);
    sizeBytes += chunk.byteLength;
  }
  return { sizeBytes, hash };
}

async function* tarPieces(
  state: FileHandle,
  { sizeBytes, hash }: Written,
  metadata: ArchiveMetadata,
  nowMs: number,
): AsyncGenerator<Buffer> {
  const description = Buffer.from(`${JSON.stringify(metadata)}\n`);
  yield* smallFile(METADATA, description, nowMs);
  yield tarHeader(STATE, sizeBytes, nowMs);
  yield* readFileHandle(state);
  yield tarPadding(sizeBytes);
  const sums = [
    [createHash("sha256").update(description), METADATA],
    [hash, STATE],
  ] as const;
  const lines = sums.map(([sum, name]) => `${sum.digest("hex")}  ${name}\n`);
  yield* smallFile(SUMS, Buffer.from(lines.join("")), nowMs);
  yield TAR_END;
}

function* smallFile(name: string, content: Buffer, nowMs: number): Generator<Buffer> {
  yield tarHeader(name, content.byteLength, nowMs);
  yield content;
  yield tarPadding(content.byteLength);
}

async function* readThenClose(file: FileHandle): AsyncGenerator<Buffer> {
  try {
    yield* readFileHandle(file);
  } finally {
    await file.close();
  }
}

/** An archive whose sums are right. */
export interface OpenArchive {
  readonly metadata: ArchiveMetadata;
  state(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/**
 * Receives an archive onto the disk and checks its sums. Rejects with `archiveInvalid`, `archiveTooLarge` or `archiveCanceled`. What is
 * left of `source` then is read and thrown away, so that the sender can finish and hear why.
 */
export async function openArchive(source: Readable, directory: string, id: string): Promise<OpenArchive> {
  const state = await openScratchFile(directory, `${id}.restore`);
  const gunzip = createGunzip();
  const lost = (): void => {
    if (!source.readableEnded) gunzip.destroy(archiveErrors.archiveCanceled());
  };
  source.once("close", lost).once("error", lost);
  source.pipe(gunzip);
  try {
    const metadata = await receive(gunzip, state);
    return { metadata, state: () => readFileHandle(state), close: () => state.close() };
  } catch (error) {
    await state.close();
    throw isDamage(error) ? archiveErrors.archiveInvalid({ reason: errorMessage(error) }, error) : error;
  } finally {
    source.unpipe(gunzip).off("close", lost).resume();
    gunzip.destroy();
  }
}

/** zlib's own errors; a SteppeError says what it is, anything else is this server's trouble. */
function isDamage(error: unknown): boolean {
  return !(error instanceof SteppeError) && String((error as NodeJS.ErrnoException).code).startsWith("Z_");
}

async function receive(tar: AsyncIterable<Buffer>, state: FileHandle): Promise<ArchiveMetadata> {
  const sums = new Map<string, string>();
  const small = new Map<string, Buffer>();
  for await (const file of readTar(tar)) {
    if (sums.has(file.name)) throw archiveErrors.archiveInvalid({ reason: `${file.name} is in it twice` });
    if (file.name === STATE) {
      checkSize(file, STATE_BYTES_MAX);
      sums.set(STATE, (await writeHashed(state, file.content)).hash.digest("hex"));
    } else {
      checkSize(file, SMALL_BYTES_MAX);
      const pieces: Buffer[] = [];
      for await (const piece of file.content) pieces.push(piece);
      const content = Buffer.concat(pieces);
      small.set(file.name, content);
      sums.set(file.name, createHash("sha256").update(content).digest("hex"));
    }
  }
  checkSums(sums, small.get(SUMS)?.toString());
  return parseMetadata(small.get(METADATA) ?? Buffer.alloc(0));
}

function checkSize({ sizeBytes: bytes }: TarFile, limitBytes: number): void {
  if (bytes > limitBytes) throw archiveErrors.archiveTooLarge({ bytes, limitBytes });
}

/** Every file must be in the list, and the list must hold nothing else. */
function checkSums(sums: ReadonlyMap<string, string>, list: string | undefined): void {
  if (list === undefined) throw archiveErrors.archiveInvalid({ reason: `${SUMS} is missing` });
  const listed = new Map<string, string>();
  for (const line of list.split("\n")) {
    if (line === "") continue;
    const [sum = "", name = ""] = line.split(/ [ *]/, 2);
    listed.set(name, sum);
  }
  for (const name of new Set([METADATA, STATE, ...listed.keys(), ...sums.keys()])) {
    if (name === SUMS) continue;
    if (!sums.has(name)) throw archiveErrors.archiveInvalid({ reason: `${name} is missing` });
    if (!listed.has(name)) throw archiveErrors.archiveInvalid({ reason: `list missing hash for "${name}"` });
    if (sums.get(name) !== listed.get(name))
      throw archiveErrors.archiveInvalid({ reason: `hash check failed for "${name}"` });
  }
}

function parseMetadata(content: Buffer): ArchiveMetadata {
  try {
    const metadata = JSON.parse(content.toString()) as ArchiveMetadata;
    if (metadata.Version === 1 && Number.isSafeInteger(metadata.Index)) return metadata;
  } catch {
    // Said below: its sum was right, so it was made so.
  }
  throw archiveErrors.archiveInvalid({ reason: `${METADATA} has another format` });
}
