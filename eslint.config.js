import prettier from "eslint-config-prettier";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "coverage/**"] },
  {
    files: ["packages/*/src/**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked, prettier],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // An interface that extends a schema's type gives it a name, in errors and in editors.
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": ["error", { max: 70, skipComments: true, skipBlankLines: true }],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    // The replicated parts must give the same result on every machine: no clock, no randomness, no timers.
    files: ["packages/raft-ts/src/**/*.ts", "packages/state/src/**/*.ts", "packages/scheduler/src/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        "Date",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "process",
        "Buffer",
        "performance",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random" },
        { object: "crypto", property: "randomUUID" },
      ],
    },
  },
  { files: ["packages/cli/src/**/*.ts"], rules: { "no-console": "off" } },
);
