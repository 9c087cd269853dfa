import { archiveErrors } from "./errors.js";

/**
 * As much of the tar format (POSIX.1-1988 "ustar") as an archive of a few plain files needs: a header of 512 bytes for each file, its
 * content padded with zeros to a multiple of that, and two blocks of zeros at the end.
 */
const BLOCK_BYTES = 512;
/** Offset, length of the header's fields that are used. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;
type Field = keyof typeof FIELDS;

/** The two blocks that end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/** The header of a plain file; a name of at most 100 bytes. */
export function tarHeader(name: string, sizeBytes: number, modifiedMs: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const put = (field: Field, text: string): void => void header.write(text, FIELDS[field][0], "latin1");
  const octal = (field: Field, value: number): void =>
    put(field, `${value.toString(8).padStart(FIELDS[field][1] - 1, "0")}\0`);
  put("name", name);
  octal("mode", 0o600);
  octal("uid", 0);
  octal("gid", 0);
  octal("size", sizeBytes);
  octal("mtime", Math.floor(modifiedMs / 1000));
  put("type", "0");
  put("magic", "ustar\x0000");
  put("checksum", `${checksum(header).toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** The zeros behind a file of this size. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The sum of the header's bytes, its checksum field taken for blanks. */
function checksum(header: Buffer): number {
  const [start, length] = FIELDS.checksum;
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= start && at < start + length ? 0x20 : header[at]!;
  return sum;
}

export interface TarFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** To be read to its end before the next file is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/** The plain files of an archive, as they come. Throws `archiveInvalid` where it is damaged or cut short. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarFile> {
  const reader = new BlockReader(source);
  for (;;) {
    const header = await reader.take(BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) break;
    const text = (field: Field): string => {
      const [start, length] = FIELDS[field];
      return header.toString("latin1", start, start + length).replace(/[\0 ].*$/s, "");
    };
    if (Number.parseInt(text("checksum"), 8) !== checksum(header))
      throw archiveErrors.archiveInvalid({ reason: "archive/tar: invalid tar header" });
    const sizeBytes = Number.parseInt(text("size"), 8);
    const content = reader.content(sizeBytes);
    // Anything but a plain file describes the next one, or is not ours.
    if (text("type") === "0" || text("type") === "") yield { name: text("name"), sizeBytes, content };
    for await (const _ of content) continue;
    await reader.take(tarPadding(sizeBytes).byteLength);
  }
  // The rest must be read too, or a damage in it (and the checksum at the end of gzip) would not be seen.
  await reader.drain();
}

/** Bytes of a stream in pieces of the length that is asked for. */
class BlockReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.content(bytes)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** So many bytes, in pieces as they come. Asked again after its end, it gives nothing. */
  content(bytes: number): AsyncGenerator<Buffer> {
    return this.#pieces(bytes);
  }

  async drain(): Promise<void> {
    for (let next = await this.#source.next(); next.done !== true; next = await this.#source.next());
  }

  async *#pieces(bytes: number): AsyncGenerator<Buffer> {
    let left = bytes;
    while (left > 0) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw archiveErrors.archiveInvalid({ reason: "unexpected EOF" });
        this.#rest = next.value;
        continue;
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.byteLength);
      left -= piece.byteLength;
      yield piece;
    }
  }
}
