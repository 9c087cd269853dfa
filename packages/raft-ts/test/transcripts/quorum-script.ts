// Committed indexes and votes of majority and joint quorums.

import {
  VoteResult,
  jointCommittedIndex,
  jointVoteResult,
  majorityCommittedIndex,
  majorityVoteResult,
  unionOfIds,
} from "../../src/quorum.js";
import type { Argument, Case } from "./script.js";

const resultNames: Record<VoteResult, string> = { pending: "VotePending", lost: "VoteLost", won: "VoteWon" };

/** Assigns what was given for the voters, in the order in which the configurations first name them; "_" is missing. */
function assign<T>(given: readonly string[], ids: readonly number[], parse: (text: string) => T): Map<number, T> {
  const distinct = [...new Set(ids)];
  const assigned = new Map<number, T>();
  distinct.forEach((id, i) => {
    const text = given[i] ?? "_";
    if (text !== "_") assigned.set(id, parse(text));
  });
  return assigned;
}

/** Each voter's index with a bar as long as the number of voters below it. */
function describeIndexes(ids: readonly number[], indexes: ReadonlyMap<number, number>): string {
  if (ids.length === 0) return "<empty majority quorum>";
  const width = ids.length;
  const value = (id: number): number => indexes.get(id) ?? 0;
  let text = `${" ".repeat(width)}    idx\n`;
  for (const id of ids) {
    const below = ids.filter((other) => value(other) < value(id)).length;
    const bar = indexes.has(id) ? `${"x".repeat(below)}>${" ".repeat(width - below)}` : `?${" ".repeat(width)}`;
    text += `${bar} ${String(value(id)).padStart(5)}    (id=${id})\n`;
  }
  return text;
}

export class QuorumScript {
  run({ command, args }: Case): string {
    const values = (name: string): readonly string[] => args.find(({ key }: Argument) => key === name)?.values ?? [];
    const ids = values("cfg").map(Number);
    const jointGiven = args.some(({ key }) => key === "cfgj");
    const outgoing = values("cfgj")
      .filter((value) => value !== "zero")
      .map(Number);
    const voters = { incoming: unionOfIds(ids), outgoing: unionOfIds(outgoing) };
    const all = [...ids, ...outgoing];
    if (command === "vote") {
      const votes = assign(values("votes"), all, (text) => text === "y");
      const result = jointGiven ? jointVoteResult(voters, votes) : majorityVoteResult(voters.incoming, votes);
      return resultNames[result];
    }
    const indexes = assign(values("idx"), all, Number);
    const acknowledged = (id: number): number => indexes.get(id) ?? 0;
    const index = jointGiven
      ? jointCommittedIndex(voters, acknowledged)
      : majorityCommittedIndex(voters.incoming, acknowledged);
    return `${describeIndexes(unionOfIds(all), indexes)}${index === Infinity ? "∞" : index}`;
  }
}
