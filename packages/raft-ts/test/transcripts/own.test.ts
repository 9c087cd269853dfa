// Runs this project's own transcripts: the rules of the Raft paper and known bugs, one story each. To write one, write
// commands with "----" after each and run with RAFT_REWRITE=1, which fills in what happens; then read whether it is right.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { Interaction } from "./interaction.js";
import { parseScript, type Case } from "./script.js";

const directory = fileURLToPath(new URL("own", import.meta.url));
const rewriting = process.env["RAFT_REWRITE"] !== undefined;

/** The script with every output replaced; comments and commands stay as they are. */
function rewrite(text: string, cases: readonly Case[], outputs: readonly string[]): string {
  const lines = text.split("\n");
  const result: string[] = [];
  let at = 0;
  cases.forEach(({ line, expected }, i) => {
    const separator = lines.indexOf("----", line - 1);
    result.push(...lines.slice(at, separator + 1), outputs[i]!.trimEnd());
    at = separator + 1 + (expected === "" ? 0 : expected.split("\n").length);
  });
  return [...result, ...lines.slice(at)].join("\n");
}

describe("own transcripts", () => {
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".txt"))) {
    test(name, () => {
      const path = join(directory, name);
      const text = readFileSync(path, "utf8");
      const cases = parseScript(text);
      const interaction = new Interaction();
      const outputs = cases.map((testCase) => interaction.run(testCase));
      if (rewriting) writeFileSync(path, rewrite(text, cases, outputs));
      else {
        cases.forEach(({ line, command, expected }, i) => {
          const where = `${name}:${line}: ${command}\n`;
          expect(where + outputs[i]!.trimEnd()).toBe(where + expected);
        });
      }
    });
  }
});
