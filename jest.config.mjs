// Tests run from the TypeScript sources as ES modules: no build is needed for the packages' own tests.
// The `dist` builds matter only to tests that start real processes (test/), which the test script builds first.
const packages = ["shared", "storage", "structs", "state", "scheduler", "api", "server", "client", "agent", "cli"];
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2023", parser: { syntax: "typescript" } }, module: { type: "es6" }, sourceMaps: "inline" },
    ],
  },
  moduleNameMapper: {
    "^(\\.{1,2}/.*)\\.js$": ["$1.ts", "$1.js"],
    "^raft-ts$": "<rootDir>/packages/raft-ts/src/index.ts",
    ...Object.fromEntries(packages.map((p) => [`^@steppe/${p}$`, `<rootDir>/packages/${p}/src/index.ts`])),
  },
  testMatch: ["<rootDir>/packages/*/test/**/*.test.ts", "<rootDir>/test/**/*.test.ts"],
  reporters: ["default", "<rootDir>/scripts/summary-reporter.mjs"],
  // Tests with real processes wait on conditions; the bound is generous, for machines that do other things too.
  testTimeout: 180_000,
  modulePathIgnorePatterns: ["<rootDir>/packages/.*/dist/"],
};
