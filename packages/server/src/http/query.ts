import { httpErrors } from "./errors.js";

const NO_VALUES: readonly string[] = [];

/**
 * The parameters of a query string. Most requests have none, and few look at more than two, so the text is split when the
 * first one is asked for, and decoded only where a `%` or `+` says so.
 */
export class Query {
  readonly text: string;
  #values: Map<string, string | string[]> | undefined;

  /** `text` is what follows the question mark, without it. */
  constructor(text: string) {
    this.text = text;
  }

  get(name: string): string | undefined {
    if (this.text === "") return undefined;
    const value = this.#parsed().get(name);
    return typeof value === "object" ? value[0] : value;
  }

  getAll(name: string): readonly string[] {
    const value = this.text === "" ? undefined : this.#parsed().get(name);
    return value === undefined ? NO_VALUES : typeof value === "string" ? [value] : value;
  }

  has(name: string): boolean {
    return this.text !== "" && this.#parsed().has(name);
  }

  /** `name` alone and `name=` count as true, anything but `true`, `false` and these is an error (stale, consistent). */
  flag(name: string): boolean {
    const value = this.get(name);
    if (value === undefined || value === "false") return false;
    if (value === "" || value === "true") return true;
    throw httpErrors.invalidFlag({ name });
  }

  /** Go's spellings of a bool (1, t, T, TRUE, true, True, 0, ...); undefined where it is absent or empty. */
  bool(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") return undefined;
    const parsed = BOOLS.get(value);
    if (parsed === undefined) throw httpErrors.invalidBool({ name, value });
    return parsed;
  }

  /** A decimal integer; undefined where it is absent or empty. */
  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") return undefined;
    const parsed = Number(value);
    if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(parsed)) throw httpErrors.invalidInteger({ name, value });
    return parsed;
  }

  #parsed(): Map<string, string | string[]> {
    return (this.#values ??= parse(this.text));
  }
}

const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

export const EMPTY_QUERY = new Query("");

function parse(text: string): Map<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  let start = 0;
  while (start <= text.length) {
    let end = text.indexOf("&", start);
    if (end < 0) end = text.length;
    if (end > start) addPair(values, text.slice(start, end));
    start = end + 1;
  }
  return values;
}

function addPair(values: Map<string, string | string[]>, pair: string): void {
  const equals = pair.indexOf("=");
  const name = decode(equals < 0 ? pair : pair.slice(0, equals));
  const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
  const before = values.get(name);
  if (before === undefined) values.set(name, value);
  else if (typeof before === "string") values.set(name, [before, value]);
  else before.push(value);
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Go drops a pair that it cannot decode; to say so is kinder than to act on half of a query.
    throw httpErrors.invalidQuery({ reason: `invalid URL escape in ${JSON.stringify(text)}` });
  }
}
