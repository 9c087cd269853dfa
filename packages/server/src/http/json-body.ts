import { httpErrors } from "./errors.js";

/**
 * Parses the first JSON value of a body, as Go's decoder does: what comes after it is not looked at. The error texts are those that
 * clients of the API know.
 * @throws 400
 */
export function parseJsonBody(body: Buffer): unknown {
  const text = body.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return parseFirstValue(text);
  }
}

function parseFirstValue(text: string): unknown {
  const start = text.search(/[^ \t\r\n]/);
  if (start < 0) throw httpErrors.invalidBody({ reason: "EOF" });
  const end = endOfValue(text, start);
  try {
    return JSON.parse(text.slice(start, end ?? text.length));
  } catch (cause) {
    throw httpErrors.invalidBody({ reason: reasonOf(text, start, end) }, cause);
  }
}

/** The end of the value that starts here, if it has one: brackets are counted, strings are skipped. */
function endOfValue(text: string, start: number): number | undefined {
  const first = text[start] ?? "";
  if (first === '"') return endOfString(text, start);
  if (first !== "{" && first !== "[") {
    const length = text.slice(start).search(/[ \t\r\n,\]}:"]/);
    return length < 0 ? text.length : start + Math.max(1, length);
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) return at + 1;
  }
  return undefined;
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function reasonOf(text: string, start: number, end: number | undefined): string {
  const position = firstWrong(text.slice(start, end));
  if (position === undefined) return "unexpected EOF";
  const char = text[start + position] ?? "";
  return `invalid character ${quoteCharacter(char)} looking for beginning of value`;
}

/** Where the value stops being JSON: the longest beginning that some ending would complete. Undefined: only the end is missing. */
function firstWrong(value: string): number | undefined {
  try {
    JSON.parse(value);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    // V8 says where it stopped, in one of two ways; an early end has no position.
    if (/Unexpected end|Unterminated/.test(message)) return undefined;
    const position = /position (\d+)/.exec(message)?.[1];
    if (position !== undefined) return Number(position) < value.length ? Number(position) : undefined;
    const token = /Unexpected token '?(.)/u.exec(message)?.[1];
    const at = token === undefined ? 0 : value.indexOf(token);
    return Math.max(0, at);
  }
}

function quoteCharacter(char: string): string {
  return char === "'" ? `'\\''` : char < " " ? `'\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}'` : `'${char}'`;
}
