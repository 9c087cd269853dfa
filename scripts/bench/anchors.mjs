// What the machine gives without an agent, measured in the same run: a bare node:http server with the same body, and bare
// synced appends with as many writers. A figure beside its anchor can be compared across machines.
import { closeSync, fdatasync, mkdirSync, openSync, readFileSync, rmSync, write, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ClassicLevel } from "classic-level";

import { pause } from "./api.mjs";
import { requestOnce } from "./connection.mjs";
import { getLoad } from "./load.mjs";
import { endProcess, startProcess } from "./processes.mjs";

const SCRIPT = fileURLToPath(new URL("bare-server.mjs", import.meta.url));
const ENTRY_BYTES = 1024;

/** Runs `use({ address, pid, startMs })` against a bare server that answers with `body`. */
export async function withBareServer(directory, body, use, { encoding = "" } = {}) {
  const place = join(directory, `bare-${process.pid}`);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "body"), body);
  const startedAt = performance.now();
  const child = startProcess(process.execPath, [SCRIPT, join(place, "body"), encoding], join(place, "out"));
  try {
    const address = await listening(join(place, "out"));
    await requestOnce(address, "GET", "/");
    return await use({ address, pid: child.pid, startMs: performance.now() - startedAt });
  } finally {
    await endProcess(child);
    rmSync(place, { recursive: true, force: true });
  }
}

async function listening(file) {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = /PORT (\d+)/.exec(readFileSync(file, "utf8"))?.[1];
    if (port) return `http://127.0.0.1:${port}`;
    await pause(5);
  }
  throw new Error("the bare server did not start");
}

/** GETs a second of a bare server with this body. */
export function bareGets(directory, body, { connections, seconds, encoding }) {
  const load = ({ address }) => getLoad(address, { connections, seconds, paths: ["/"] });
  return withBareServer(directory, body, async (server) => (await load(server)).perSecond, { encoding });
}

/**
 * Synced appends of 1 KB entries a second with `writers` waiting at a time: a batch takes all that wait, as a log does.
 * @returns {Promise<{ level: number, file: number }>} by LevelDB batches with sync, and by write and fdatasync
 */
export async function syncedAppends(directory, { writers, seconds }) {
  const place = join(directory, `append-${process.pid}`);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const value = Buffer.alloc(ENTRY_BYTES, "x");
  try {
    const database = new ClassicLevel(join(place, "level"), { keyEncoding: "utf8", valueEncoding: "buffer" });
    await database.open();
    let key = 0;
    const level = await perSecond(writers, seconds, () => {
      const put = () => ({ type: "put", key: String(key++).padStart(16, "0"), value });
      return database.batch(Array.from({ length: writers }, put), { sync: true });
    });
    await database.close();
    const descriptor = openSync(join(place, "file"), "a");
    const batch = Buffer.concat(Array.from({ length: writers }, () => value));
    const file = await perSecond(writers, seconds, async () => {
      await promisify(write)(descriptor, batch);
      await promisify(fdatasync)(descriptor);
    });
    closeSync(descriptor);
    return { level, file };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function perSecond(entriesPerBatch, seconds, append) {
  const startedAt = performance.now();
  let batches = 0;
  while (performance.now() - startedAt < seconds * 1000 && batches < 1_000_000) {
    await append();
    batches++;
  }
  return (batches * entriesPerBatch * 1000) / (performance.now() - startedAt);
}
