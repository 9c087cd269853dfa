// Installs and builds if that is still to be done, showing progress: what `npm start`, `npm test`, `npm run cluster`
// and `npm run bench` do first, so that a fresh clone needs no other step.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
/** The command of a built checkout. */
export const steppe = join(root, "packages/cli/bin/steppe.js");

export async function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Steppe needs Node 20.19 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  if (isOlder(join(root, "node_modules/.package-lock.json"), [join(root, "package-lock.json")])) {
    await step("Installing the dependencies", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  const packages = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));
  const stale = packages.some((path) => isOlder(join(path, "dist/.tsbuildinfo"), sources(join(path, "src"))));
  if (stale) await step("Building", join(root, "node_modules/.bin/tsc"), ["-b"]);
}

function sources(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function isOlder(target, files) {
  if (!existsSync(target)) return true;
  const time = statSync(target).mtimeMs;
  return files.some((file) => statSync(file).mtimeMs > time);
}

/** Runs one command, with a line that says what it is and how long it has taken; its output only if it fails. */
function step(title, command, args) {
  const startedMs = Date.now();
  const elapsed = () => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
  const isTerminal = process.stderr.isTTY === true;
  process.stderr.write(isTerminal ? `${title} ...` : `${title} ...\n`);
  const timer = setInterval(() => isTerminal && process.stderr.write(`\r${title} ... ${elapsed()}`), 1000);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code) => {
      clearInterval(timer);
      if (code === 0) {
        process.stderr.write(isTerminal ? `\r${title} ... done in ${elapsed()}\n` : `${title}: done in ${elapsed()}\n`);
        return resolve();
      }
      process.stderr.write(`\n${Buffer.concat(output).toString()}\n${title} failed (${command} ${args.join(" ")}).\n`);
      process.exit(1);
    });
  });
}
