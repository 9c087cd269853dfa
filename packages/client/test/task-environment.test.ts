import { describe, expect, test } from "@jest/globals";
import type { Node } from "@steppe/structs";

import { taskEnvironment } from "../src/task-environment.js";
import { allocation, mockTask } from "./fixtures.js";

const node = {
  ID: "n-id",
  Name: "n1",
  Datacenter: "dc1",
  NodeClass: "big",
  NodePool: "default",
  Attributes: { "kernel.name": "linux", "unique.hostname": "h" },
  Meta: { rack: "r1" },
} as unknown as Node;

function environment(overrides: Parameters<typeof mockTask>[1] = {}, hostVariables: Record<string, string> = {}) {
  const task = mockTask({}, overrides);
  const row = allocation([task], { group: { Meta: { owner: "group", tier: "g" } } });
  const [group] = row.Job.TaskGroups;
  if (!group) throw new Error("no group");
  const directories = {
    shared: "/a/alloc",
    task: "/a/t",
    local: "/a/t/local",
    secrets: "/a/t/secrets",
    tmp: "/a/t/tmp",
  };
  return {
    row,
    result: taskEnvironment({ allocation: row, group, task, node, region: "global", directories, hostVariables }),
  };
}

describe("variables", () => {
  test("describe the allocation, its directories, resources and ports", () => {
    const { row, result } = environment();
    expect(result.variables).toEqual({
      NOMAD_ALLOC_ID: row.ID,
      NOMAD_SHORT_ALLOC_ID: row.ID.slice(0, 8),
      NOMAD_ALLOC_NAME: "web.g[2]",
      NOMAD_ALLOC_INDEX: "2",
      NOMAD_GROUP_NAME: "g",
      NOMAD_TASK_NAME: "t",
      NOMAD_JOB_ID: "web",
      NOMAD_JOB_NAME: "web",
      NOMAD_NAMESPACE: "default",
      NOMAD_DC: "dc1",
      NOMAD_REGION: "global",
      NOMAD_ALLOC_DIR: "/a/alloc",
      NOMAD_TASK_DIR: "/a/t/local",
      NOMAD_SECRETS_DIR: "/a/t/secrets",
      NOMAD_CPU_LIMIT: "100",
      NOMAD_MEMORY_LIMIT: "64",
      NOMAD_IP_http: "127.0.0.1",
      NOMAD_PORT_http: "24980",
      NOMAD_ADDR_http: "127.0.0.1:24980",
      NOMAD_HOST_IP_http: "127.0.0.1",
      NOMAD_HOST_PORT_http: "24980",
      NOMAD_HOST_ADDR_http: "127.0.0.1:24980",
      NOMAD_META_owner: "group",
      NOMAD_META_OWNER: "group",
      NOMAD_META_tier: "g",
      NOMAD_META_TIER: "g",
    });
  });

  test("the task's own win, are interpolated, and get names that shells can spell", () => {
    const { result } = environment(
      {
        Env: { PATH: "/task", "my-var": "${attr.kernel.name}", "1st": "x", ADDR: "http://${NOMAD_ADDR_http}/${HOME}" },
      },
      { PATH: "/host", HOME: "/root" },
    );
    expect(result.variables).toMatchObject({
      PATH: "/task",
      HOME: "/root",
      my_var: "linux",
      _1st: "x",
      ADDR: "http://127.0.0.1:24980//root",
    });
  });

  test("the agent's credentials stay with the agent", () => {
    const { result } = environment({}, { NOMAD_TOKEN: "s", AWS_SECRET_ACCESS_KEY: "s", VAULT_TOKEN: "s", LANG: "C" });
    expect(Object.values(result.variables)).not.toContain("s");
    expect(result.variables["LANG"]).toBe("C");
  });
});

test.each([
  ["${node.unique.id}/${node.datacenter}/${node.class}/${node.region}", "n-id/dc1/big/global"],
  ["${attr.unique.hostname} ${meta.rack} ${NOMAD_META_OWNER}", "h r1 group"],
  ['${env["NOMAD_JOB_ID"]}-${ NOMAD_GROUP_NAME }', "web-g"],
  ["${attr.no.such} ${NO_SUCH} $HOME {}", "${attr.no.such} ${NO_SUCH} $HOME {}"],
])("%s becomes %s", (text, expected) => {
  const { result } = environment();
  expect(result.interpolate(text)).toBe(expected);
  expect(result.interpolateValue({ list: [text, 1, null], [text]: true })).toEqual({
    list: [expected, 1, null],
    [expected]: true,
  });
});
