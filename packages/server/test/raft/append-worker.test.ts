import { describe, expect, test } from "@jest/globals";
import type { LogAppend, LogStore } from "@steppe/storage";
import { type Entry, EntryType, LOCAL_APPEND_THREAD, type Message, MessageType, newMessage } from "raft-ts";

import { AppendWorker } from "../../src/raft/append-worker.js";

const entries = (from: number, to: number, term: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    index: from + i,
    term,
    type: EntryType.normal,
    data: Buffer.alloc(1),
  }));

function setUp() {
  const writes: LogAppend[] = [];
  const finish: (() => void)[] = [];
  const delivered: number[] = [];
  const log = {
    initialState: () => ({ hardState: { term: 1, vote: 0, commit: 0 }, confState: {} }),
    append: (write: LogAppend) => {
      writes.push(write);
      return new Promise<void>((resolve) => finish.push(resolve));
    },
  } as unknown as LogStore;
  const worker = new AppendWorker({
    log,
    deliver: (responses) => delivered.push(...responses.map(({ index }) => index)),
    install: () => Promise.resolve(),
    fail: (error) => {
      throw error;
    },
    settled: () => undefined,
  });
  const push = (n: number, fields: Partial<Message>): void =>
    worker.push(
      newMessage(MessageType.msgStorageAppend, LOCAL_APPEND_THREAD, {
        ...fields,
        responses: [newMessage(MessageType.msgAppResp, 1, { index: n })],
      }),
    );
  const settle = async (): Promise<void> => {
    finish.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { worker, writes, delivered, push, settle };
}

describe("AppendWorker", () => {
  test("writes what came meanwhile in one batch, and answers in order after it", async () => {
    const { worker, writes, delivered, push, settle } = setUp();
    push(1, { entries: entries(1, 2, 1), term: 1, vote: 1, commit: 0 });
    push(2, { entries: entries(3, 4, 1) });
    push(3, { entries: entries(5, 6, 1), term: 1, vote: 1, commit: 2 });
    expect(writes).toHaveLength(1);
    expect(delivered).toEqual([]);
    await settle();
    expect(delivered).toEqual([1]);
    expect(writes[1]!.entries!.map(({ index }) => index)).toEqual([3, 4, 5, 6]);
    expect(writes[1]!.hardState).toEqual({ term: 1, vote: 1, commit: 2 });
    await settle();
    expect(delivered).toEqual([1, 2, 3]);
    await worker.idle();
  });

  test("joins a replaced suffix as the log would", async () => {
    const { writes, push, settle } = setUp();
    push(1, { entries: entries(1, 1, 1) });
    push(2, { entries: entries(2, 9, 1) });
    push(3, { entries: entries(5, 6, 2), term: 2, vote: 0, commit: 0 });
    await settle();
    expect(writes[1]!.entries!.map(({ index, term }) => `${index}.${term}`)).toEqual([
      "2.1",
      "3.1",
      "4.1",
      "5.2",
      "6.2",
    ]);
  });

  test("does not write for a commit index alone, but remembers it", async () => {
    const { worker, writes, delivered, push, settle } = setUp();
    push(1, { term: 1, vote: 0, commit: 7 });
    await settle();
    expect([writes.length, delivered]).toEqual([0, [1]]);
    expect(worker.hardState.commit).toBe(7);
    push(2, { term: 2, vote: 0, commit: 7 });
    expect(writes[0]!.hardState).toEqual({ term: 2, vote: 0, commit: 7 });
  });
});
