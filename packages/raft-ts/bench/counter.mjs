// A counter on three nodes, in one process: the README's example. Run it with: node bench/counter.mjs
import { EntryType, MemoryStorage, RawNode, decodeConfChange } from "raft-ts";

const peers = [{ id: 1 }, { id: 2 }, { id: 3 }];

class CounterNode {
  counter = 0;
  waiting = new Map(); // index -> { term, resolve }

  constructor(id) {
    this.storage = new MemoryStorage();
    this.raw = new RawNode({ id, electionTick: 10, heartbeatTick: 1, storage: this.storage, random: Math.random });
    this.raw.bootstrap(peers);
  }

  add(amount) {
    const entry = this.raw.propose(Uint8Array.of(amount));
    return new Promise((resolve) => this.waiting.set(entry.index, { term: entry.term, resolve }));
  }

  work(send) {
    while (this.raw.hasReady()) {
      const ready = this.raw.ready();
      // 1. Store. On a disk this is one batch, synced if ready.mustSync is set or there is a snapshot.
      if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      this.storage.append(ready.entries);
      // 2. Send what speaks of it.
      ready.messages.forEach(send);
      // 3. Apply, and answer those who wait.
      for (const entry of ready.committedEntries) this.apply(entry);
      // 4. Tell that it is done.
      this.raw.advance();
    }
  }

  apply({ type, data, index, term }) {
    if (type !== EntryType.normal) this.raw.applyConfChange(decodeConfChange(type, data));
    else if (data.length > 0) this.counter += data[0];
    const waiter = this.waiting.get(index);
    this.waiting.delete(index);
    // Another term: another leader's entry stands here, and the proposal is lost.
    waiter?.resolve(waiter.term === term ? this.counter : "lost");
  }
}

const nodes = peers.map(({ id }) => new CounterNode(id));
const send = (message) => setImmediate(() => nodes[message.to - 1].raw.step(message));
const timer = setInterval(() => {
  for (const node of nodes) node.raw.tick();
}, 10);
const worker = setInterval(() => nodes.forEach((node) => node.work(send)), 1);

const leader = () => nodes.find(({ raw }) => raw.status().raftState === "leader");
while (leader() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
for (let i = 1; i <= 3; i++) console.log(`added ${i}: the counter is ${await leader().add(i)}`);
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(`on all nodes: ${nodes.map(({ counter }) => counter).join(", ")}`);
clearInterval(timer);
clearInterval(worker);
