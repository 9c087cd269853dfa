import { connect } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock, systemRandom } from "@steppe/shared";

import { Membership, type MembershipOptions } from "../../src/membership/index.js";
import { MemberList } from "../../src/membership/member-list.js";

const started: Membership[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((membership) => membership.stop(false)));
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const port = (server.address() as { port: number }).port;
      server.close(() => resolve(port));
    });
  });
}

async function start(
  name: string,
  region: string,
  join: string[],
  options: Partial<MembershipOptions> = {},
): Promise<Membership> {
  const port = await freePort();
  const membership = new Membership({
    self: {
      name: `${name}.${region}`,
      id: systemRandom.uuid(),
      region,
      datacenter: "dc1",
      serfAddress: `127.0.0.1:${port}`,
      rpcAddress: "127.0.0.1:1",
      httpAddress: "127.0.0.1:2",
      build: "test",
      expect: 3,
      bootstrapped: false,
    },
    bindHost: "127.0.0.1",
    bindPort: port,
    clock: systemClock,
    random: systemRandom,
    logger: { info: () => undefined, warn: () => undefined },
    retryJoin: join,
    retryIntervalMs: 200,
    probeIntervalMs: 50,
    failAfterMs: 500,
    ...options,
  });
  await membership.start();
  started.push(membership);
  return membership;
}

const names = (membership: Membership) => membership.members().map((member) => `${member.name}:${member.status}`);

describe("membership", () => {
  test("servers of two regions that join through one of them all know each other", async () => {
    const a = await start("a", "global", []);
    const b = await start("b", "global", [a.self().serfAddress]);
    const c = await start("c", "eu", [b.self().serfAddress]);
    for (const membership of [a, b, c]) {
      await until(() => names(membership).join() === "a.global:alive,b.global:alive,c.eu:alive");
    }
  });

  test("a silent server is failed, and alive again when it is back on the same address", async () => {
    const a = await start("a", "global", []);
    const b = await start("b", "global", [a.self().serfAddress]);
    await until(() => names(a).includes("b.global:alive"));
    await b.stop(false);
    await until(() => names(a).includes("b.global:failed"));
    const port = Number(b.self().serfAddress.split(":")[1]);
    const self = { ...b.self() };
    await start("b", "global", [a.self().serfAddress], { bindPort: port, self });
    await until(() => names(a).includes("b.global:alive"));
  });

  test("a server that leaves is told apart from one that fails", async () => {
    const a = await start("a", "global", []);
    const b = await start("b", "global", [a.self().serfAddress]);
    await until(() => names(a).includes("b.global:alive"));
    await b.stop(true);
    await until(() => names(a).includes("b.global:left"));
  });

  test("force-leave turns a failed member into one that has left, and a living one not", async () => {
    const a = await start("a", "global", []);
    const b = await start("b", "global", [a.self().serfAddress]);
    await until(() => names(a).includes("b.global:alive"));
    expect(a.forceLeave("b.global", false)).toBe(false);
    await b.stop(false);
    await until(() => names(a).includes("b.global:failed"));
    expect(a.forceLeave("b.global", false)).toBe(true);
    expect(names(a)).toContain("b.global:left");
  });

  test("a stranger's bytes close that connection and nothing else", async () => {
    const a = await start("a", "global", []);
    const port = Number(a.self().serfAddress.split(":")[1]);
    for (const bytes of [
      "GET / HTTP/1.1\r\n\r\n",
      '{"type":"ping"',
      "\u0000\u0001\n",
      '{"type":"push-pull","members":[{"name":1}]}\n',
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
        socket.on("close", () => resolve());
        socket.resume();
      });
    }
    expect(names(a)).toEqual(["a.global:alive"]);
    const b = await start("b", "global", [a.self().serfAddress]);
    await until(() => names(b).includes("a.global:alive"));
  });
});

describe("the member list", () => {
  const record = {
    id: "i",
    region: "r",
    datacenter: "d",
    serfAddress: "s",
    rpcAddress: "r",
    httpAddress: "h",
    build: "b",
    expect: 1,
    bootstrapped: false,
    left: false,
  };

  test("the higher incarnation is true, in whatever order records come", () => {
    const list = new MemberList({ ...record, name: "self", incarnation: 5 }, 0);
    list.merge([{ ...record, name: "x", incarnation: 7, build: "new" }], 0);
    list.merge([{ ...record, name: "x", incarnation: 6, build: "old" }], 0);
    expect(list.get("x")?.build).toBe("new");
  });

  test("a forced leave of a server that lives is overruled by the server itself", () => {
    const list = new MemberList({ ...record, name: "self", incarnation: 5 }, 0);
    list.merge([{ ...record, name: "self", incarnation: 9, left: true }], 0);
    expect(list.self()).toMatchObject({ incarnation: 10, left: false });
  });
});
