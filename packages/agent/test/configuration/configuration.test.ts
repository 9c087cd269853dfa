import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "@jest/globals";

import { loadConfiguration, resolveConfiguration, validateConfiguration } from "../../src/configuration/index.js";

const directory = mkdtempSync(join(tmpdir(), "steppe-configuration-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("a configuration that is wrong is refused with one line that names the key", () => {
  const cases: [string, unknown, string][] = [
    ["unknown key", { nmae: "x" }, 'unknown key "nmae"'],
    ["unknown key in a block", { server: { bootstrap_expct: 3 } }, 'unknown key "server.bootstrap_expct"'],
    ["wrong type", { ports: { http: "80" } }, '"ports.http" must be of type integer, not "80"'],
    ["out of range", { ports: { http: 70000 } }, '"ports.http" must be <= 65535, not 70000'],
    [
      "bad duration",
      { server: { heartbeat_grace: "10 s" } },
      '"server.heartbeat_grace" must be a duration such as "30s" or "1h30m", not "10 s"',
    ],
    ["bad level", { log_level: "LOUD" }, '"log_level" must be one of TRACE, DEBUG, INFO, WARN, ERROR, OFF, not "LOUD"'],
    ["no object", [], "it must be of type object"],
  ];
  test.each(cases)("%s", (_name, value, text) => {
    expect(() => validateConfiguration(value, "FILE")).toThrow(text);
  });

  test("not JSON", () => {
    expect(() => loadConfiguration(file("bad.json", "{"))).toThrow(/is not valid JSON/);
  });

  test("no such file", () => {
    expect(() => loadConfiguration(join(directory, "none.json"))).toThrow(/Cannot read the configuration/);
  });
});

describe("loading", () => {
  test("a directory is merged in the order of its names", () => {
    const dir = mkdtempSync(join(directory, "d-"));
    writeFileSync(join(dir, "1.json"), JSON.stringify({ name: "a", server: { enabled: true, bootstrap_expect: 1 } }));
    writeFileSync(join(dir, "2.json"), JSON.stringify({ name: "b", server: { bootstrap_expect: 3 } }));
    writeFileSync(join(dir, "ignored.txt"), "x");
    expect(loadConfiguration(dir)).toEqual({ name: "b", server: { enabled: true, bootstrap_expect: 3 } });
  });

  test("blocks in lists of one, as HCL's JSON has them, are understood", () => {
    expect(validateConfiguration({ server: [{ enabled: true }], vault: [{ enabled: true }] }, "FILE").server).toEqual({
      enabled: true,
    });
  });
});

describe("resolving", () => {
  test("a development agent needs nothing", () => {
    const configuration = resolveConfiguration({}, { dev: true, dataDir: "/tmp/x" });
    expect(configuration.server?.bootstrapExpect).toBe(1);
    expect(configuration.client?.options).toMatchObject({ "driver.raw_exec.enable": "true" });
    expect(configuration.advertise).toEqual({ http: "127.0.0.1:4646", rpc: "127.0.0.1:4647", serf: "127.0.0.1:4648" });
  });

  test("ports, addresses and joins", () => {
    const configuration = resolveConfiguration(
      {
        data_dir: "/d",
        bind_addr: "10.0.0.1",
        ports: { http: 1, rpc: 2, serf: 3 },
        addresses: { http: "127.0.0.1" },
        advertise: { rpc: "10.0.0.9" },
        server: { enabled: true, bootstrap_expect: 3, server_join: { retry_join: ["a", "b:7"], retry_interval: "1s" } },
      },
      { dev: false },
    );
    expect(configuration.bind.http).toEqual({ host: "127.0.0.1", port: 1 });
    expect(configuration.advertise).toEqual({ http: "127.0.0.1:1", rpc: "10.0.0.9:2", serf: "10.0.0.1:3" });
    expect(configuration.server).toMatchObject({ retryJoin: ["a:3", "b:7"], retryIntervalMs: 1000 });
  });

  test("Nomad's plugin blocks switch drivers on", () => {
    const file = {
      data_dir: "/d",
      client: { enabled: true, servers: ["a"] },
      plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }, { mock_driver: [{ config: [{}] }] }],
    };
    const client = resolveConfiguration(file, { dev: false }).client;
    expect(client?.options).toEqual({ "driver.raw_exec.enable": "true", "driver.mock_driver.enable": "true" });
    expect(client?.servers).toEqual(["a:4646"]);
  });

  test.each([
    ["neither server nor client", { data_dir: "/d" }, /neither server nor client/],
    ["no data directory", { server: { enabled: true } }, /Set "data_dir"/],
    ["a client without servers", { data_dir: "/d", client: { enabled: true } }, /needs servers/],
  ])("%s is refused", (_name, file, text) => {
    expect(() => resolveConfiguration(file, { dev: false })).toThrow(text);
  });
});
