#!/usr/bin/env node
// Completes package-lock.json with the optional platform packages (native builds of @swc/core, jest's resolver, ...)
// that npm leaves out when the registry in use does not serve them. Without these rows `npm ci` refuses the file:
// "Missing: ... from lock file". Run after every change of dependencies: `npm install && node scripts/complete-lock.mjs`.
import { readFileSync, writeFileSync } from "node:fs";

const OS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const CPU = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const added = [];
for (const [path, pkg] of Object.entries(lock.packages)) {
  if (!path.startsWith("node_modules/")) continue;
  for (const [name, version] of Object.entries(pkg.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    if (lock.packages[`node_modules/${name}`] || lock.packages[nested] || !/^\d/.test(version)) continue;
    const words = name.split(/[/-]/);
    const os = words.filter((word) => OS.includes(word));
    const cpu = CPU.filter((kind) => words.includes(kind)).slice(0, 1);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(pkg.dev ? { dev: true } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added.length} platform packages added`);
