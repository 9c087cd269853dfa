import { errors } from "./errors.js";

/** What a look-up by id is called in the texts of errors. */
export type LookupKind = "alloc" | "node" | "eval" | "deployment";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id, if it is a whole one. @throws 400 with the text that clients know */
export function wholeID(kind: LookupKind, id: string): string {
  if (id.length !== 36) throw errors.shortID({ kind });
  if (!UUID.test(id)) throw errors.invalidID({ kind, reason: invalidByte(id) });
  return id.toLowerCase();
}

/** Checks a prefix of ids: hexadecimal digits, an even number of them, with hyphens anywhere. @throws 400 */
export function checkIDPrefix(kind: LookupKind, prefix: string | undefined): void {
  if (!prefix) return;
  const digits = prefix.replaceAll("-", "");
  if (digits.length % 2 !== 0) throw errors.oddPrefix({ kind });
  if (!/^[0-9a-f]*$/i.test(digits)) throw errors.invalidID({ kind, reason: invalidByte(digits) });
}

function invalidByte(text: string): string {
  const char = /[^0-9a-f-]/i.exec(text)?.[0] ?? "-";
  const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `encoding/hex: invalid byte: U+${code} '${char}'`;
}
