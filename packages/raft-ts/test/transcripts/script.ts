// The format of a transcript: a command with arguments and optional input lines, "----", and the expected output, up to an
// empty line. An output that contains empty lines is enclosed in doubled "----" lines.

export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

export interface Case {
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

export function parseScript(text: string): Case[] {
  const lines = text.split("\n");
  const cases: Case[] = [];
  let at = 0;
  while (at < lines.length) {
    const head = lines[at]!.trim();
    if (head === "" || head.startsWith("#")) {
      at++;
      continue;
    }
    const line = at + 1;
    let directive = head;
    while (directive.endsWith("\\")) directive = directive.slice(0, -1) + lines[++at]!.trim();
    at++;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== "----") input.push(lines[at++]!);
    at++;
    const fenced = lines[at] === "----";
    if (fenced) at++;
    const expected: string[] = [];
    while (at < lines.length && (fenced ? !(lines[at] === "----" && lines[at + 1] === "----") : lines[at] !== "")) {
      expected.push(lines[at++]!);
    }
    if (fenced) at += 2;
    const [command, ...args] = splitDirective(directive);
    cases.push({
      line,
      command: command!,
      args: args.map(parseArgument),
      input: input.join("\n"),
      expected: expected.join("\n"),
    });
  }
  return cases;
}

/** Splits at spaces which are not inside of parentheses. */
function splitDirective(directive: string): string[] {
  return directive.match(/(?:[^\s(]|\([^)]*\))+/g) ?? [];
}

function parseArgument(text: string): Argument {
  const equals = text.indexOf("=");
  if (equals === -1) return { key: text, values: [] };
  const value = text.slice(equals + 1);
  const values = value.startsWith("(") ? value.slice(1, -1).split(",") : [value];
  return { key: text.slice(0, equals), values: values.map((item) => item.trim()).filter((item) => item !== "") };
}

const logLine = /^\s*(DEBUG|INFO|WARN|ERROR|FATAL)\b/;

/** What is compared: everything but log lines, and the "ok" which stands for nothing else. */
export function comparable(output: string): string {
  const lines = output.split("\n").filter((line) => !logLine.test(line));
  while (lines.at(-1) === "") lines.pop();
  const text = lines.join("\n");
  return text === "ok" ? "" : text;
}
