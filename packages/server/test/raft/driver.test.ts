import { describe, expect, test } from "@jest/globals";

import { until } from "../rpc/fixtures.js";
import { ToyCluster } from "./toy-cluster.js";

describe("a cluster of three", () => {
  test("elects a leader, replicates, and answers reads on every server", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      expect(await leader.driver.propose(Buffer.from("a=1"))).toMatchObject({ result: undefined });
      const second = await leader.driver.propose(Buffer.from("a=2"));
      expect(second.result).toBe("1");
      for (const { driver, machine } of cluster.servers) {
        await driver.readIndex();
        expect(machine.values.get("a")).toBe("2");
        await driver.waitApplied(second.index);
        expect(driver.configuration().map(({ name, voter }) => [name, voter])).toEqual([
          ["server-1", true],
          ["server-2", true],
          ["server-3", true],
        ]);
        expect(driver.leader()?.name).toBe(`server-${cluster.number(leader)}`);
        expect(driver.lastContactMs()).toBeLessThan(20_000);
      }
      await until(() => leader.driver.hasLease(), "the lease");
      const follower = cluster.servers.find((server) => server !== leader)!;
      expect(follower.driver.hasLease()).toBe(false);
      await expect(follower.driver.propose(Buffer.from("a=3"))).rejects.toMatchObject({ code: "noLeader" });
      const answer = await follower.transport.call(follower.driver.leaderId(), {
        method: "GET",
        url: "/",
        headers: {},
        body: undefined,
        remoteAddress: "",
      });
      expect(answer.body).toBe(`server ${cluster.number(leader)}`);
    }));

  test("applies concurrent writes once each, in the same order everywhere", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      const results = await Promise.all(
        Array.from({ length: 3000 }, (_, i) => leader.driver.propose(Buffer.from(`k${i % 7}=${i}`))),
      );
      const indexes = results.map(({ index }) => index);
      expect(new Set(indexes).size).toBe(3000);
      // The value before is the one written by the proposal of the same key that came before.
      results.forEach(({ result }, i) => expect(result).toBe(i < 7 ? undefined : String(i - 7)));
      for (const { driver, machine } of cluster.servers) {
        await driver.waitApplied(indexes.at(-1)!);
        expect([...machine.values]).toEqual([...leader.machine.values]);
      }
    }));

  test("goes on without its leader, and takes it back", () =>
    ToyCluster.with(3, async (cluster) => {
      const first = await cluster.leader();
      const n = cluster.number(first);
      await first.driver.propose(Buffer.from("a=1"));
      await first.close({ abrupt: true });
      expect(first.leadership).toEqual([true, false]);
      await cluster.write("a=2");
      const back = await cluster.start(n);
      const { index } = await cluster.write("b=3");
      await back.driver.waitApplied(index);
      expect([...back.machine.values]).toEqual([
        ["a", "2"],
        ["b", "3"],
      ]);
    }));

  test("says that the outcome is unknown when the leader loses its quorum", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      for (const server of cluster.servers) if (server !== leader) await server.close({ abrupt: true });
      const write = leader.driver.propose(Buffer.from("a=1"));
      const read = leader.driver.readIndex();
      await expect(write).rejects.toMatchObject({ code: "unknownOutcome" });
      expect(leader.driver.isLeader()).toBe(false);
      expect(leader.driver.hasLease()).toBe(false);
      await expect(read).rejects.toMatchObject({ code: "noLeader" });
      await expect(leader.driver.propose(Buffer.from("a=1"))).rejects.toMatchObject({ code: "noLeader" });
      expect(leader.leadership).toEqual([true, false]);
    }));

  test("loses no acknowledged write when all servers end abruptly, again and again", () =>
    ToyCluster.with(3, async (cluster) => {
      const acknowledged = new Map<string, number>();
      for (let round = 0; round < 4; round++) {
        let writing = true;
        const writers = Array.from({ length: 8 }, async (_, writer) => {
          for (let i = 0; writing; i++) {
            try {
              const leader = cluster.servers.find(({ driver }) => driver.isLeader());
              if (leader === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
              else {
                await leader.driver.propose(Buffer.from(`${round}-${writer}=${i}`));
                acknowledged.set(`${round}-${writer}`, i);
              }
            } catch {
              // Not acknowledged: nothing is claimed about it.
            }
          }
        });
        const before = acknowledged.size;
        await until(() => acknowledged.size > before, "writes");
        await new Promise((resolve) => setTimeout(resolve, 150 + round * 50));
        await Promise.all(cluster.servers.map((server) => server.close({ abrupt: true })));
        writing = false;
        await Promise.all(writers);
        await Promise.all([1, 2, 3].map((n) => cluster.start(n)));
      }
      await cluster.leader();
      for (const { driver, machine } of cluster.servers) {
        await driver.readIndex();
        for (const [key, i] of acknowledged) expect(Number(machine.values.get(key))).toBeGreaterThanOrEqual(i);
      }
    }));

  test("hands leadership over", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      const target = cluster.servers.find((server) => server !== leader)!;
      const { id, name } = cluster.address(cluster.number(target));
      await leader.driver.transferLeadership(id);
      expect((await cluster.leader()).driver.leader()?.name).toBe(name);
      await (await cluster.leader()).driver.transferLeadership();
      await cluster.leader();
    }));
});

describe("snapshots", () => {
  const compaction = { entries: 200, bytes: 1024 * 1024, keepEntries: 20 };

  test("bring back a follower whose entries are gone from the log", () =>
    ToyCluster.with(
      3,
      async (cluster) => {
        const leader = await cluster.leader();
        const lagging = cluster.servers.find((server) => server !== leader)!;
        const n = cluster.number(lagging);
        await lagging.close();
        const writes = Array.from({ length: 1500 }, (_, i) =>
          leader.driver.propose(Buffer.from(`k${i}=${"v".repeat(100)}${i}`)),
        );
        await Promise.all(writes);
        await until(() => leader.log.firstIndex() > 500, "the compaction");
        let back = await cluster.start(n);
        const { index } = await cluster.write("last=1");
        await back.driver.waitApplied(index);
        expect(back.machine.restores).toBe(1);
        expect(new Map(back.machine.values)).toEqual(leader.machine.values);
        expect(back.driver.configuration()).toHaveLength(3);
        // And it survives what it got.
        await back.close({ abrupt: true });
        back = await cluster.start(n);
        const again = await cluster.write("last=2");
        await back.driver.waitApplied(again.index);
        expect(back.machine.restores).toBe(0);
        expect(new Map(back.machine.values)).toEqual(leader.machine.values);
        for (const { fatal } of cluster.servers) expect(fatal).toEqual([]);
      },
      { compaction },
    ));

  test("under a steady load let the follower catch up", () =>
    ToyCluster.with(
      3,
      async (cluster) => {
        const leader = await cluster.leader();
        const lagging = cluster.servers.find((server) => server !== leader)!;
        const n = cluster.number(lagging);
        await lagging.close({ abrupt: true });
        let writing = true;
        const writers = Array.from({ length: 4 }, async (_, writer) => {
          for (let i = 0; writing; i++) await leader.driver.propose(Buffer.from(`w${writer}-${i % 50}=${i}`));
        });
        await until(() => leader.log.firstIndex() > 300, "the compaction");
        const back = await cluster.start(n);
        await until(() => back.machine.restores > 0, "the snapshot");
        await until(() => leader.machine.appliedIndex - back.machine.appliedIndex < 100, "the follower to catch up");
        writing = false;
        await Promise.all(writers);
      },
      { compaction },
    ));
});

describe("the configuration", () => {
  test("grows by a server and shrinks by another", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      await leader.driver.propose(Buffer.from("a=1"));
      const fourth = await cluster.start(4, false);
      for (let n = 1; n <= 3; n++) {
        const { id, name, address } = cluster.address(n);
        fourth.driver.updatePeerAddress(id, name, address);
      }
      expect(fourth.driver.hasState()).toBe(false);
      await leader.driver.addLearner(cluster.address(4));
      expect(leader.driver.configuration().map(({ voter }) => voter)).toEqual([true, true, true, false]);
      await leader.driver.addVoter(cluster.address(4));
      const { index } = await leader.driver.propose(Buffer.from("b=2"));
      await fourth.driver.waitApplied(index);
      expect([...fourth.machine.values.keys()]).toEqual(["a", "b"]);
      const removed = cluster.servers.find((server) => server !== leader && server !== fourth)!;
      await leader.driver.removePeer(cluster.address(cluster.number(removed)).id);
      await until(() => cluster.servers.every((s) => s === removed || s.driver.configuration().length === 3));
      await expect(leader.driver.removePeer(cluster.address(cluster.number(removed)).id)).rejects.toMatchObject({
        code: "unknownServer",
      });
      // The new server counts: with one of the old ones down there is still a quorum.
      await removed.close();
      const other = cluster.servers.find((server) => server !== leader && server !== fourth)!;
      await other.close({ abrupt: true });
      await cluster.write("c=3");
    }));

  test("follows a server that moved, and survives a restart", () =>
    ToyCluster.with(3, async (cluster) => {
      const leader = await cluster.leader();
      const n = cluster.number(cluster.servers.find((server) => server !== leader)!);
      await cluster.server(n).close();
      const back = await cluster.start(n);
      expect(back.driver.configuration()).toHaveLength(3);
      expect(back.driver.hasState()).toBe(true);
      const { index } = await cluster.write("a=1");
      await back.driver.waitApplied(index);
    }));
});

describe("a single server", () => {
  test("leads itself, and keeps what it acknowledged", () =>
    ToyCluster.with(1, async (cluster) => {
      await cluster.write("a=1");
      await cluster.server(1).close({ abrupt: true });
      const back = await cluster.start(1);
      await cluster.leader();
      expect(back.machine.values.get("a")).toBe("1");
    }));

  test("stops with one line when its disk fails", () =>
    ToyCluster.with(1, async (cluster) => {
      const server = await cluster.leader();
      await server.driver.propose(Buffer.from("a=1"));
      server.log.append = () => Promise.reject(new Error("no space left on device"));
      await expect(server.driver.propose(Buffer.from("a=2"))).rejects.toMatchObject({ code: "unknownOutcome" });
      expect(server.fatal).toHaveLength(1);
      await expect(server.driver.propose(Buffer.from("a=3"))).rejects.toMatchObject({ code: "stopped" });
      expect(server.driver.isLeader()).toBe(false);
    }));
});
