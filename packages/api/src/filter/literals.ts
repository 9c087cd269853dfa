import { evaluationError } from "./errors.js";

/** The type that a number has in the stored structure; JSON has only one. `dynamic`: as an integer if the literal is one. */
export type NumberKind = "int" | "uint" | "float" | "dynamic";

const ESCAPE = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
const NAMED: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92, '"': 34 };

/** The text that the body of a double-quoted Go string stands for; undefined where Go's `strconv.Unquote` would refuse it. */
export function unquote(body: string): string | undefined {
  if (body.includes("\n")) return undefined;
  if (!body.includes("\\")) return body;
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (let i = 0; i < body.length;) {
    const next = body.indexOf("\\", i);
    if (next !== i) {
      const end = next < 0 ? body.length : next;
      bytes.push(...encoder.encode(body.slice(i, end)));
      i = end;
      continue;
    }
    ESCAPE.lastIndex = i;
    const match = ESCAPE.exec(body);
    const escape = match && escapedBytes(match, encoder);
    if (!match || !escape) return undefined;
    bytes.push(...escape);
    i += match[0].length;
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function escapedBytes(
  match: RegExpExecArray,
  encoder: { encode(text: string): Uint8Array },
): Iterable<number> | undefined {
  const [, name, hex, octal, short, long] = match;
  if (name !== undefined) return [NAMED[name] ?? 0];
  if (hex !== undefined) return [parseInt(hex, 16)];
  if (octal !== undefined) return parseInt(octal, 8) < 256 ? [parseInt(octal, 8)] : undefined;
  const code = parseInt(short ?? long ?? "", 16);
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
  return encoder.encode(String.fromCodePoint(code));
}

const INTEGER =
  /^([+-]?)(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;
const FLOAT = /^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)$/i;
const BOOLEANS = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

/**
 * The right side of a comparison. It is text, converted to the type of the field it meets, each conversion at most once:
 * a filter meets thousands of rows.
 */
export class Literal {
  private readonly numbers: Partial<Record<NumberKind, number>> = {};
  private truth: boolean | undefined;

  constructor(readonly text: string) {}

  /** Whether a scalar field equals the literal. Integers compare as the numbers that rows hold (exact up to 2^53). */
  equals(value: string | number | boolean, kind: NumberKind): boolean {
    if (typeof value === "string") return value === this.text;
    if (typeof value === "boolean") return value === this.boolean();
    return value === this.number(Number.isInteger(value) || kind === "dynamic" ? kind : "float");
  }

  /** As `equals`, for a value without a declared type: a conversion with a syntax error means that it is not equal. */
  equalsDynamic(value: string | number | boolean): boolean {
    if (typeof value === "string") return value === this.text;
    if (typeof value === "boolean") return value === BOOLEANS.get(this.text);
    if (INTEGER.test(this.text)) return value === this.number("int");
    return FLOAT.test(this.text) && value === this.number("float");
  }

  private boolean(): boolean {
    this.truth ??= BOOLEANS.get(this.text);
    if (this.truth === undefined) throw conversionError("ParseBool", this.text, "invalid syntax");
    return this.truth;
  }

  private number(kind: NumberKind): number {
    if (kind === "dynamic") return this.number(INTEGER.test(this.text) ? "int" : "float");
    return (this.numbers[kind] ??= kind === "float" ? parseFloat64(this.text) : parseInteger(this.text, kind));
  }
}

function parseInteger(text: string, kind: "int" | "uint"): number {
  const name = kind === "int" ? "ParseInt" : "ParseUint";
  const sign = INTEGER.exec(text)?.[1];
  if (sign === undefined || (kind === "uint" && sign !== "")) throw conversionError(name, text, "invalid syntax");
  const digits = text.slice(sign.length).replaceAll("_", "");
  const magnitude = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === "-" ? -magnitude : magnitude;
  const inRange = kind === "int" ? value === BigInt.asIntN(64, value) : value === BigInt.asUintN(64, value);
  if (!inRange) throw conversionError(name, text, "value out of range");
  return Number(value);
}

function parseFloat64(text: string): number {
  if (!FLOAT.test(text)) throw conversionError("ParseFloat", text, "invalid syntax");
  const word = text.toLowerCase().replace(/^\+/, "");
  if (word.endsWith("nan")) return NaN;
  if (word.includes("inf")) return word.startsWith("-") ? -Infinity : Infinity;
  return Number(word);
}

function conversionError(parser: string, text: string, problem: string): Error {
  return evaluationError(
    `error getting match value in expression: strconv.${parser}: parsing ${JSON.stringify(text)}: ${problem}`,
  );
}
