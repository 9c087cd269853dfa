// Proposals per second through three nodes in one process: the algorithm alone, without disk and network.
//   npm run bench -w raft-ts [-- proposals batch bytes]
import { performance } from "node:perf_hooks";
import { EntryType, MemoryStorage, RawNode, decodeConfChange } from "../dist/index.js";

const [total = 300_000, batch = 16, bytes = 256] = process.argv.slice(2).map(Number);
const RETAINED_ENTRIES = 10_000;

function createNode(id) {
  const storage = new MemoryStorage();
  const raw = new RawNode({ id, electionTick: 10, heartbeatTick: 1, storage, random: () => 0, checkQuorum: true });
  raw.bootstrap([{ id: 1 }, { id: 2 }, { id: 3 }]);
  return { raw, storage, applied: 0, confState: undefined };
}

const nodes = [1, 2, 3].map(createNode);
let mail = [];

function work(node) {
  const ready = node.raw.ready();
  if (ready.hardState !== undefined) node.storage.setHardState(ready.hardState);
  node.storage.append(ready.entries);
  for (const message of ready.messages) mail.push(message);
  for (const { type, data, index } of ready.committedEntries) {
    if (type !== EntryType.normal) node.confState = node.raw.applyConfChange(decodeConfChange(type, data));
    node.applied = index;
  }
  node.raw.advance();
  if (node.applied - node.storage.firstIndex() > 2 * RETAINED_ENTRIES) {
    node.storage.createSnapshot(node.applied, node.confState, new Uint8Array(0));
    node.storage.compact(node.applied - RETAINED_ENTRIES);
  }
}

function settle() {
  for (let busy = true; busy;) {
    busy = false;
    for (const node of nodes) {
      while (node.raw.hasReady()) {
        work(node);
        busy = true;
      }
    }
    const delivered = mail;
    mail = [];
    for (const message of delivered) nodes[message.to - 1].raw.step(message);
    busy ||= delivered.length > 0;
  }
}

settle();
nodes[0].raw.campaign();
settle();

function run(label, count, size) {
  const payloads = Array.from({ length: size }, () => new Uint8Array(bytes));
  const before = nodes[0].applied;
  const started = performance.now();
  for (let done = 0; done < count; done += size) {
    nodes[0].raw.proposeBatch(payloads);
    settle();
  }
  const seconds = (performance.now() - started) / 1000;
  const applied = nodes[2].applied - before;
  console.log(
    `${label}: ${Math.round(applied / seconds).toLocaleString("en")} proposals/s (${applied} in ${seconds.toFixed(2)} s)`,
  );
}

run("warm-up", total / 10, batch);
run("one at a time", total / 4, 1);
run(`batches of ${batch}`, total, batch);
run("batches of 256", total, 256);
