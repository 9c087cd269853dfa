import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type LogStore, openLogStore, openRowStore, type RowStore } from "@steppe/storage";
import { encodeConfChange, type Entry, EntryType } from "raft-ts";

import { encodeServer } from "../../src/raft/members.js";
import { raftIdOf, recoverFromPeersFile } from "../../src/raft/index.js";
import { silentLogger } from "../rpc/fixtures.js";
import { ToyStateMachine } from "./toy-cluster.js";

const uuid = (n: number): string => `${String(n).repeat(8)}-1111-4111-8111-111111111111`;
const server = (n: number) => ({ id: uuid(n), name: `s${n}`, address: `127.0.0.1:${n}` });
const [ONE, TWO] = [
  { id: uuid(1), address: "10.0.0.1:4647" },
  { id: uuid(2), address: "10.0.0.2:4647" },
] as const;

let directory: string;
let file: string;
let log: LogStore;
let rows: RowStore;
let machine: ToyStateMachine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "steppe-peers-"));
  await mkdir(join(directory, "raft"));
  file = join(directory, "raft", "peers.json");
  log = await openLogStore(join(directory, "raft"));
  rows = await openRowStore(join(directory, "state"));
  machine = new ToyStateMachine(rows);
});
afterEach(async () => {
  await log.close();
  await rows.close();
  await rm(directory, { recursive: true, force: true });
});

const set = (index: number): Entry => ({
  ...{ term: 2, index, type: EntryType.normal },
  data: Buffer.from(`k${index}=v`),
});
const add = (index: number, n: number): Entry => ({
  ...{ term: 2, index, type: EntryType.confChange },
  data: encodeConfChange({ version: 1, type: 0, nodeId: raftIdOf(uuid(n)), context: encodeServer(server(n)) }),
});

/** Entries up to 4 are committed; 6, which is not, would add a fourth server. */
async function writeLog(): Promise<void> {
  await log.append({
    hardState: { term: 2, vote: 0, commit: 4 },
    entries: [add(1, 1), add(2, 2), add(3, 3), set(4), set(5), add(6, 4), set(7)],
    configuration: {
      index: 3,
      confState: {
        voters: [1, 2, 3].map((n) => raftIdOf(uuid(n))),
        ...{ learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      },
      context: [server(1), server(2), server(3)],
    },
  });
}

const recover = (): Promise<void> =>
  recoverFromPeersFile({
    ...{ directory: join(directory, "raft"), id: uuid(1), log, stateMachine: machine, logger: silentLogger },
    syncState: () => rows.sync(),
  });

test("the file's servers are the cluster's, at what is committed; changes behind that are void, writes stay", async () => {
  await writeLog();
  await writeFile(file, JSON.stringify([ONE, { ...TWO, non_voter: true, name: "second" }]));
  await recover();
  expect(log.configuration).toMatchObject({
    index: 4,
    confState: { voters: [raftIdOf(uuid(1))], learners: [raftIdOf(uuid(2))] },
    context: [
      { ...ONE, name: "s1" },
      { ...TWO, name: "second" },
    ],
  });
  expect([machine.appliedIndex, machine.durableIndex, log.firstIndex(), log.lastIndex()]).toEqual([4, 4, 5, 7]);
  const tail = log.entries(5, 8, Infinity).map(({ type, data }) => [type, Buffer.from(data).toString()]);
  expect(tail).toEqual([
    [EntryType.normal, "k5=v"],
    [EntryType.normal, ""],
    [EntryType.normal, "k7=v"],
  ]);
  expect(log.initialState().hardState).toEqual({ term: 2, vote: 0, commit: 4 });
  expect(existsSync(file)).toBe(false);
  expect(JSON.parse(await readFile(`${file}.applied`, "utf8"))).toHaveLength(2);
});

test("a crash before the file is renamed is harmless: it is applied again", async () => {
  await writeLog();
  await writeFile(file, JSON.stringify([ONE]));
  await recover();
  await writeFile(file, JSON.stringify([ONE]));
  await recover();
  expect(log.configuration.confState.voters).toEqual([raftIdOf(uuid(1))]);
  expect(log.lastIndex()).toBe(7);
});

test("without a file nothing happens; one that cannot be used is refused by name, and nothing changes", async () => {
  await writeLog();
  await recover();
  const before = log.configuration;
  for (const content of [
    "not JSON",
    "{}",
    "[]",
    "[null]",
    JSON.stringify([{ id: "1", address: "127.0.0.1:1" }]),
    JSON.stringify([{ id: uuid(1), address: "127.0.0.1" }]),
    JSON.stringify([TWO]),
    JSON.stringify([ONE, ONE]),
    JSON.stringify([{ ...ONE, non_voter: true }]),
  ]) {
    await writeFile(file, content);
    await expect(recover()).rejects.toMatchObject({ code: "peersFile", message: expect.stringContaining(file) });
    expect(existsSync(file)).toBe(true);
  }
  expect(log.configuration).toBe(before);
});

test("a server without a log has nothing to go on with", async () => {
  await writeFile(file, JSON.stringify([ONE]));
  await expect(recover()).rejects.toMatchObject({ code: "peersFile" });
});
