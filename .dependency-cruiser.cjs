/* The arrows of the house: which package may import which. docs/architecture.md draws the same picture. */
const MAY_IMPORT = {
  shared: [],
  "raft-ts": [],
  storage: ["raft-ts", "shared"],
  structs: ["shared"],
  state: ["structs", "shared"],
  scheduler: ["state", "structs", "shared"],
  api: ["structs", "shared"],
  server: ["shared", "raft-ts", "storage", "structs", "state", "scheduler", "api"],
  client: ["api", "structs", "shared"],
  agent: ["shared", "raft-ts", "storage", "structs", "state", "scheduler", "api", "server", "client"],
  cli: ["api", "agent", "shared"],
};

const arrows = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-arrows`,
  severity: "error",
  comment: `${name} may import only: ${allowed.join(", ") || "nothing"}`,
  from: { path: `^packages/${name}/src` },
  to: { path: "^packages/", pathNot: `^packages/(${[name, ...allowed].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...arrows,
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "pure-packages",
      severity: "error",
      comment: "raft-ts, state and scheduler are deterministic: no Node built-ins",
      from: { path: "^packages/(raft-ts|state|scheduler)/src" },
      to: { dependencyTypes: ["core"] },
    },
    { name: "no-utils", severity: "error", from: {}, to: { path: "packages/[^/]+/src/.*(utils?|helpers?)(/|\\.ts$)" } },
    { name: "resolvable", severity: "error", from: { path: "^packages/[^/]+/src" }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules|/dist/" },
    includeOnly: "^packages/[^/]+/src|^packages/[^/]+/dist",
    exclude: "/test/|/bench/",
    tsConfig: { fileName: "tsconfig.base.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "node", "default"] },
  },
};
