import { beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";
import type { MetaRow } from "@steppe/state";

import type { Member } from "../../src/membership/index.js";
import { ServerReconciler, type ServerReconcilerOptions } from "../../src/membership/index.js";
import { raftIdOf } from "../../src/raft/index.js";

const uuid = (n: number): string => `${String(n).repeat(8)}-1111-4111-8111-111111111111`;
const STABLE_MS = 10_000;

/** A leader (server 1) and others, as lists that the test changes. */
class FakeCluster {
  nowMs = 1_000_000;
  leading = true;
  voters: number[] = [1, 2, 3];
  learners: number[] = [];
  members = new Map<number, Member["status"]>();
  silentMs = new Map<number, number>();
  config: Record<string, unknown> | undefined = {};
  readonly done: string[] = [];
  readonly reconciler: ServerReconciler;

  constructor() {
    for (const n of [1, 2, 3]) this.members.set(n, "alive");
    const note = (what: string) => (server: { id: string } | string) => {
      const id = typeof server === "string" ? server : server.id;
      this.done.push(`${what} ${id[0]}`);
      return Promise.resolve();
    };
    const numbers = (): number[] => [...this.voters, ...this.learners];
    const options = {
      raft: {
        isLeader: () => this.leading,
        leader: () => this.#peer(1),
        term: () => 5,
        configuration: () => numbers().map((n) => this.#peer(n)),
        silenceOf: (id: string) => this.silentMs.get(Number(id[0])) ?? 10,
        status: () => ({
          lastIndex: 100,
          progress: new Map(numbers().map((n) => [raftIdOf(uuid(n)), { state: "replicate", match: 100 }])),
        }),
        addLearner: note("learner"),
        addVoter: note("voter"),
        removePeer: note("remove"),
        forgetPeerAddress: () => undefined,
      },
      membership: {
        members: () => [...this.members].map(([n, status]) => ({ id: uuid(n), name: `s${n}`, region: "r", status })),
        forceLeave: (name: string) => this.done.push(`left ${name}`) > 0,
      },
      region: "r",
      clock: { ...systemClock, nowMs: () => this.nowMs, monotonicMs: () => this.nowMs },
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      state: {
        get: () =>
          this.config && ({ Key: "autopilot", Value: this.config, CreateIndex: 1, ModifyIndex: 1 } satisfies MetaRow),
      },
      initialize: () => Promise.resolve(void this.done.push("initialize")),
    };
    this.reconciler = new ServerReconciler(options as unknown as ServerReconcilerOptions);
  }

  #peer(n: number) {
    return { id: uuid(n), name: `s${n}`, address: `127.0.0.1:${n}`, voter: this.voters.includes(n) };
  }

  /** Goes on for some seconds; returns what was done. */
  async pass(ms: number): Promise<string[]> {
    this.done.length = 0;
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 1000) await this.reconciler.reconcile();
    return [...new Set(this.done)];
  }
}

let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster();
});

test("where all are well, nothing is done; the first leader sets the configuration once", async () => {
  expect(await cluster.pass(3 * STABLE_MS)).toEqual([]);
  const fresh = new FakeCluster();
  fresh.config = undefined;
  expect(await fresh.pass(1000)).toEqual(["initialize"]);
  expect(await fresh.pass(STABLE_MS)).toEqual([]);
});

test("a new server gets the log at once, and a vote when it has been healthy for the stabilization time", async () => {
  cluster.members.set(4, "alive");
  expect(await cluster.pass(1000)).toEqual(["learner 4"]);
  cluster.learners = [4];
  expect(await cluster.pass(STABLE_MS - 1000)).toEqual([]);
  // A moment of silence, and the time begins anew.
  cluster.silentMs.set(4, 300);
  await cluster.pass(1000);
  cluster.silentMs.delete(4);
  expect(await cluster.pass(STABLE_MS)).toEqual([]);
  expect(await cluster.pass(2000)).toEqual(["voter 4"]);
});

test("a server that has failed is removed after the stabilization time, if the rest has a healthy quorum", async () => {
  cluster.members.set(3, "failed");
  cluster.silentMs.set(3, 60_000);
  expect(await cluster.pass(STABLE_MS)).toEqual([]);
  expect(await cluster.pass(1000)).toEqual(["remove 3", "left s3"]);
});

test("it stays where the rest is not healthy, where too few would be left, and where that is switched off", async () => {
  cluster.members.set(3, "failed");
  cluster.silentMs.set(2, 60_000);
  expect(await cluster.pass(3 * STABLE_MS)).toEqual([]);
  cluster.silentMs.delete(2);
  cluster.config = { MinQuorum: 3 };
  expect(await cluster.pass(3 * STABLE_MS)).toEqual([]);
  cluster.config = { CleanupDeadServers: false };
  expect(await cluster.pass(3 * STABLE_MS)).toEqual([]);
  cluster.config = {};
  expect(await cluster.pass(1000)).toEqual(["remove 3", "left s3"]);
});

test("a server that comes back in time stays; one that has left goes at once", async () => {
  cluster.members.set(3, "failed");
  await cluster.pass(STABLE_MS - 2000);
  cluster.members.set(3, "alive");
  await cluster.pass(2000);
  cluster.members.set(3, "failed");
  expect(await cluster.pass(STABLE_MS)).toEqual([]);
  cluster.members.set(2, "left");
  expect(await cluster.pass(1000)).toEqual(["remove 2"]);
});

test("who does not lead does nothing, and forgets what it saw as a leader", async () => {
  cluster.members.set(3, "failed");
  await cluster.pass(STABLE_MS);
  cluster.leading = false;
  expect(await cluster.pass(STABLE_MS)).toEqual([]);
  cluster.leading = true;
  expect(await cluster.pass(STABLE_MS)).toEqual([]);
  expect(await cluster.pass(1000)).toEqual(["remove 3", "left s3"]);
});
