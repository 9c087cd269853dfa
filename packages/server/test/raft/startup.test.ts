import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type LogStore, openLogStore } from "@steppe/storage";
import { EntryType } from "raft-ts";

import { recoverRestore } from "../../src/raft/snapshots.js";
import { reconcile } from "../../src/raft/startup.js";
import type { RaftStateMachine } from "../../src/raft/state-machine.js";

let path: string;
let log: LogStore;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "steppe-startup-"));
  log = await openLogStore(path);
  const entries = [1, 2, 3, 4, 5].map((index) => ({ index, term: 2, type: EntryType.normal, data: Buffer.from("x") }));
  await log.append({ hardState: { term: 2, vote: 7, commit: 3 }, entries });
});

afterEach(async () => {
  await log.close();
  await rm(path, { recursive: true });
});

const stateAt = (appliedIndex: number): RaftStateMachine => ({ appliedIndex }) as RaftStateMachine;
const confState = { voters: [7], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const pendingRestore = {
  metadata: { index: 50, term: 4, confState },
  configuration: { index: 40, confState, context: [] },
};

describe("reconcile", () => {
  test("counts as committed what the state holds", async () => {
    await reconcile(log, stateAt(2));
    expect(log.initialState().hardState.commit).toBe(3);
    await reconcile(log, stateAt(5));
    expect(log.initialState().hardState).toEqual({ term: 2, vote: 7, commit: 5 });
  });

  test("refuses a log and a state that do not fit together", async () => {
    await expect(reconcile(log, stateAt(6))).rejects.toMatchObject({ code: "stateAhead" });
    await log.compact(4);
    await reconcile(log, stateAt(4));
    await expect(reconcile(log, stateAt(3))).rejects.toMatchObject({ code: "stateBehind" });
  });
});

describe("recoverRestore", () => {
  test("forgets a restore that did not reach the state", async () => {
    await log.append({ pendingRestore });
    await recoverRestore(log, 3);
    expect(log.pendingRestore).toBeUndefined();
    expect([log.firstIndex(), log.lastIndex()]).toEqual([1, 5]);
  });

  test("brings the log after a state that was replaced", async () => {
    await log.append({ pendingRestore });
    await recoverRestore(log, 50);
    expect(log.pendingRestore).toBeUndefined();
    expect([log.firstIndex(), log.lastIndex(), log.term(50)]).toEqual([51, 50, 4]);
    expect(log.initialState()).toEqual({ hardState: { term: 4, vote: 0, commit: 50 }, confState });
    await reconcile(log, stateAt(50));
  });
});
