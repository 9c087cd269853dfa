import { assert } from "@steppe/shared";
import { type CommandName, commands, type PayloadOf } from "./commands/index.js";

/** Raised when entries change in a way that older servers cannot read. */
const FORMAT_VERSION = 1;

const HEADER_BYTES = 3;
const SCRATCH_BYTES_MAX = 1024 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Where commands are encoded before they are cut to their length: one allocation each, of the right size. */
let scratch = new Uint8Array(64 * 1024);

/** An entry's data: one byte of format version, two of the command's id (big-endian), then the payload's JSON text in UTF-8. */
export function encodeCommand<N extends CommandName>(name: N, payload: PayloadOf<N>): Uint8Array {
  const { id, encode } = commands[name] as { id: number; encode?: (payload: PayloadOf<N>) => unknown };
  const text = JSON.stringify(encode ? encode(payload) : payload);
  // A UTF-16 unit takes at most three bytes in UTF-8.
  const bytesMax = HEADER_BYTES + text.length * 3;
  if (scratch.length < bytesMax) scratch = new Uint8Array(bytesMax);
  scratch[0] = FORMAT_VERSION;
  scratch[1] = id >>> 8;
  scratch[2] = id & 0xff;
  const { written } = encoder.encodeInto(text, scratch.subarray(HEADER_BYTES));
  const data = scratch.slice(0, HEADER_BYTES + written);
  // A very large command was an exception: its memory is not kept.
  if (scratch.length > SCRATCH_BYTES_MAX) scratch = new Uint8Array(64 * 1024);
  return data;
}

export interface DecodedCommand {
  readonly id: number;
  readonly payload: unknown;
}

/** Throws `InvariantError` for an entry of another format. */
export function decodeCommand(data: Uint8Array): DecodedCommand {
  assert(
    data.length > HEADER_BYTES && data[0] === FORMAT_VERSION,
    "The entry's format is unknown: this server is older than its leader.",
  );
  return { id: commandIdOf(data), payload: JSON.parse(decoder.decode(data.subarray(HEADER_BYTES))) };
}

/** The id alone, of an entry of this format. */
export function commandIdOf(data: Uint8Array): number {
  return ((data[1] as number) << 8) | (data[2] as number);
}
