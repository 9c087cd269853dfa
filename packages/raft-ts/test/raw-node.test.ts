import { describe, expect, test } from "@jest/globals";
import {
  InvariantError,
  MemoryStorage,
  MessageType,
  RawNode,
  decodeConfChange,
  emptyConfState,
  newMessage,
  type Config,
  type Ready,
} from "../src/index.js";

function node(options: Partial<Config> = {}): { raw: RawNode; storage: MemoryStorage } {
  const storage = new MemoryStorage();
  const raw = new RawNode({ id: 1, electionTick: 10, heartbeatTick: 1, storage, random: () => 0, ...options });
  return { raw, storage };
}

function drain(raw: RawNode, storage: MemoryStorage): Ready[] {
  const all: Ready[] = [];
  while (raw.hasReady()) {
    const ready = raw.ready();
    if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
    storage.append(ready.entries);
    for (const { type, data } of ready.committedEntries) {
      if (type !== 0) raw.applyConfChange(decodeConfChange(type, data));
    }
    raw.advance();
    all.push(ready);
  }
  return all;
}

function leader(options: Partial<Config> = {}): { raw: RawNode; storage: MemoryStorage } {
  const { raw, storage } = node(options);
  raw.bootstrap([{ id: 1 }]);
  drain(raw, storage);
  raw.campaign();
  drain(raw, storage);
  return { raw, storage };
}

describe("RawNode", () => {
  test("tells where proposals stand", () => {
    const { raw, storage } = leader();
    const first = raw.proposeBatch([new Uint8Array(1), new Uint8Array(2)]);
    const second = raw.propose(new Uint8Array(3));
    expect(first).toEqual({ term: 2, index: 3 });
    expect(second).toEqual({ term: 2, index: 5 });
    const committed = drain(raw, storage).flatMap((ready) => ready.committedEntries);
    expect(committed.map(({ index, term, data }) => [index, term, data.length])).toEqual([
      [3, 2, 1],
      [4, 2, 2],
      [5, 2, 3],
    ]);
    expect(raw.status().applied).toBe(5);
  });

  test("drops proposals without a leader, with a code", () => {
    const { raw } = node();
    expect(() => raw.propose(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "proposalDropped" }));
  });

  test("refuses local messages from the network, and answers of strangers", () => {
    const { raw } = leader();
    const step = (type: MessageType) => () => raw.step(newMessage(type, 1, { from: 9, term: 2 }));
    expect(step(MessageType.msgHup)).toThrow(expect.objectContaining({ code: "stepLocalMessage" }));
    expect(step(MessageType.msgAppResp)).toThrow(expect.objectContaining({ code: "stepPeerNotFound" }));
  });

  test("insists on advance() between Readys", () => {
    const { raw } = node();
    raw.bootstrap([{ id: 1 }]);
    raw.ready();
    expect(() => raw.ready()).toThrow(InvariantError);
  });

  test("goes on after a restart where the state machine stands", () => {
    const { raw, storage } = leader();
    raw.propose(new Uint8Array(1));
    drain(raw, storage);
    // The stored commit index is older than what was applied: it need not be synced.
    storage.setHardState({ term: 2, vote: 1, commit: 1 });
    const confState = { ...emptyConfState, voters: [1] };
    const initialState = { hardState: storage.initialState().hardState, confState };
    const reopened = Object.assign(storage, { initialState: () => initialState });
    const again = node({ storage: reopened, applied: 3 });
    expect(again.raw.status()).toMatchObject({ term: 2, vote: 1, commit: 3, applied: 3, raftState: "follower" });
    expect(again.raw.hasReady()).toBe(false);
  });

  test("acknowledges its commit index to a leader who sends what is compacted here", () => {
    const { raw, storage } = leader();
    for (let i = 0; i < 5; i++) raw.propose(new Uint8Array(1));
    drain(raw, storage);
    const { commit } = raw.status();
    raw.applyConfChange({ version: 1, type: 0, nodeId: 2 });
    raw.step(newMessage(MessageType.msgApp, 1, { from: 2, term: 3, index: 1, logTerm: 1 }));
    // The first of these messages is what it sent as a leader.
    const answer = drain(raw, storage)[0]!.messages.at(-1);
    expect(answer).toMatchObject({ type: MessageType.msgAppResp, to: 2, index: commit, reject: false });
  });

  test("explains a wrong configuration", () => {
    const code = expect.objectContaining({ code: "invalidConfig" });
    expect(() => node({ id: 0 })).toThrow(code);
    expect(() => node({ electionTick: 1 })).toThrow(code);
    expect(() => node({ readOnlyOption: "leaseBased" })).toThrow(code);
    expect(() => node({ leaderLease: true })).toThrow(code);
    expect(() => node({ maxInflightBytes: 1 })).toThrow(code);
    expect(() => node().raw.bootstrap([])).toThrow(code);
  });

  test("has the lease at once when it is alone, after its first commit", () => {
    const { raw } = leader({ leaderLease: true, checkQuorum: true });
    expect(raw.hasLease()).toBe(true);
    expect(raw.leaseReadIndex()).toBe(2);
    expect(leader().raw.hasLease()).toBe(false);
  });
});
