// Runs etcd's transcripts, which are not part of this repository: see README.md there for how to compare.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { Interaction } from "./interaction.js";
import { MembershipScript } from "./membership-script.js";
import { QuorumScript } from "./quorum-script.js";
import { comparable, parseScript, type Case } from "./script.js";

const beside = fileURLToPath(new URL("../../../../../shared/raft-transcripts", import.meta.url));
const directory = resolve(process.env["RAFT_TRANSCRIPTS"] ?? beside);

const suites: { folder: string; runner: () => { run(testCase: Case): string } }[] = [
  { folder: ".", runner: () => new Interaction() },
  { folder: "confchange", runner: () => new MembershipScript() },
  { folder: "quorum", runner: () => new QuorumScript() },
];

function scripts(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort();
}

describe("etcd's transcripts", () => {
  if (!existsSync(directory)) {
    console.warn(`skipped: no transcripts at ${directory}; set RAFT_TRANSCRIPTS to a directory that has them`);
    test.skip("are not here", () => undefined);
  }
  for (const { folder, runner } of suites) {
    for (const name of scripts(join(directory, folder))) {
      test(join(folder, name), () => {
        const cases = parseScript(readFileSync(join(directory, folder, name), "utf8"));
        expect(cases.length).toBeGreaterThan(0);
        const running = runner();
        for (const testCase of cases) {
          const actual = running.run(testCase);
          // The line and the command are in both, to be seen in a failure.
          const where = `${name}:${testCase.line}: ${testCase.command}\n`;
          expect(where + comparable(actual)).toBe(where + comparable(testCase.expected));
        }
      });
    }
  }
});
