import type { SelectorNode } from "./ast.js";
import { filterErrors } from "./errors.js";
import { unquote } from "./literals.js";

const SPACE = /[ \t\r\n]*/y;
const IDENTIFIER = /[a-zA-Z][a-zA-Z0-9_/]*/y;
const DIGITS = /[0-9]+/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/y;
const POINTER = /"((?:\/[\p{L}\p{N}\-_.~:|]+)+)"/uy;

/**
 * The words of the filter language. Each method reads one at the current position and says what it found; where it finds
 * nothing, it leaves the position alone and remembers what would have been accepted. The furthest such place is the error.
 */
export class Scanner {
  private position = 0;
  private furthest = 0;
  private expected = new Set<string>();

  constructor(private readonly text: string) {}

  protected atEnd(): boolean {
    if (this.position === this.text.length) return true;
    this.miss("EOF");
    return false;
  }

  /** Runs an alternative; undefined puts the position back. */
  protected attempt<T>(alternative: () => T | undefined): T | undefined {
    const start = this.position;
    const result = alternative();
    if (result === undefined) this.position = start;
    return result;
  }

  protected literal(word: string): boolean {
    if (this.text.startsWith(word, this.position)) {
      this.position += word.length;
      return true;
    }
    this.miss(JSON.stringify(word));
    return false;
  }

  /** Skips white space; false where there is none, for the words that demand it around them. */
  protected space(): boolean {
    const found = this.take(SPACE) !== "";
    this.miss("[ \\t\\r\\n]");
    return found;
  }

  protected identifier(): string | undefined {
    const word = this.take(IDENTIFIER);
    if (word === undefined) this.miss("[a-zA-Z]");
    return word;
  }

  /** A dotted path, or a JSON pointer in double quotes. */
  protected selector(): SelectorNode | undefined {
    const first = this.identifier();
    if (first === undefined) return this.pointer();
    const parts = [first];
    for (;;) {
      const next = this.attempt(() => (this.literal(".") ? this.pathPart() : undefined)) ?? this.indexPart();
      if (next === undefined) return { parts, text: parts.join(".") };
      parts.push(next);
    }
  }

  /** The text of a literal: a bare word, a number or a quoted string. What it means depends on the field it meets. */
  protected value(): string | undefined {
    return this.selector()?.text ?? this.number() ?? this.string();
  }

  protected noMatch(): Error {
    const expected = [...this.expected].sort();
    const last = expected.pop() ?? "EOF";
    const list = expected.length === 0 ? last : `${expected.join(", ")} or ${last}`;
    return this.syntaxError(`no match found, expected: ${list}`, this.furthest);
  }

  protected ruleError(rule: string, problem: string): Error {
    return this.syntaxError(`rule "${rule}": ${problem}`);
  }

  /** `column` counts characters from 1, `offset` counts bytes of UTF-8. */
  protected syntaxError(problem: string, position = this.position): Error {
    const before = this.text.slice(0, position);
    const lines = before.split("\n");
    const column = [...(lines.at(-1) ?? "")].length + 1;
    return filterErrors.filterSyntax({
      line: lines.length,
      column,
      offset: new TextEncoder().encode(before).length,
      problem,
    });
  }

  private pathPart(): string | undefined {
    const digits = this.take(DIGITS);
    if (digits === undefined) this.miss("[0-9]");
    return digits ?? this.identifier();
  }

  private indexPart(): string | undefined {
    if (!this.literal("[")) return undefined;
    this.space();
    const key = this.string();
    if (key === undefined) throw this.ruleError("index", "Invalid index");
    this.space();
    if (!this.literal("]")) throw this.ruleError("index", "Unclosed index expression");
    return key;
  }

  private pointer(): SelectorNode | undefined {
    const quoted = this.take(POINTER);
    if (quoted === undefined) {
      this.miss('"\\""');
      return undefined;
    }
    const parts = quoted
      .slice(2, -1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    return { parts, text: parts.join("/") };
  }

  private number(): string | undefined {
    const digits = this.take(NUMBER);
    if (digits === undefined) {
      for (const label of ['"-"', '"0"', "[1-9]"]) this.miss(label);
      return undefined;
    }
    const next = this.text[this.position];
    if (next !== undefined && !" \t\r\n)".includes(next)) throw this.ruleError("number", "Invalid number literal");
    return digits;
  }

  private string(): string | undefined {
    const quote = this.literal("`") ? "`" : this.literal('"') ? '"' : undefined;
    if (quote === undefined) return undefined;
    // The body ends at the first quote, escaped or not; only then is it unquoted. So a double-quoted text cannot hold one.
    const end = this.text.indexOf(quote, this.position);
    if (end < 0) throw this.ruleError("string", "Unterminated string literal");
    const body = this.text.slice(this.position, end);
    this.position = end + 1;
    const value = quote === "`" ? body.replaceAll("\r", "") : unquote(body);
    if (value === undefined) throw this.ruleError("string", "invalid syntax");
    return value;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }

  /** Remembers what would have been accepted here. */
  private miss(label: string): void {
    if (this.position > this.furthest) {
      this.furthest = this.position;
      this.expected.clear();
    }
    if (this.position === this.furthest) this.expected.add(label);
  }
}
