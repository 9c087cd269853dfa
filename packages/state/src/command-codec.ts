import { assert } from "@steppe/shared";
import { type CommandName, commands, type PayloadOf } from "./commands/index.js";

/** Raised when entries change in a way that older servers cannot read. */
const FORMAT_VERSION = 1;

const HEADER_BYTES = 3;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An entry's data: one byte of format version, two of the command's id (big-endian), then the payload's JSON text in UTF-8. */
export function encodeCommand<N extends CommandName>(name: N, payload: PayloadOf<N>): Uint8Array {
  const { id, encode } = commands[name] as { id: number; encode?: (payload: PayloadOf<N>) => unknown };
  const text = encoder.encode(JSON.stringify(encode ? encode(payload) : payload));
  const data = new Uint8Array(HEADER_BYTES + text.length);
  data[0] = FORMAT_VERSION;
  data[1] = id >>> 8;
  data[2] = id & 0xff;
  data.set(text, HEADER_BYTES);
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
