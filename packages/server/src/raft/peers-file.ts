import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";

import { errorMessage } from "@steppe/shared";
import type { LogConfiguration, LogStore } from "@steppe/storage";
import { emptyConfState, type Entry, EntryType } from "raft-ts";

import type { Logger } from "../context.js";
import { raftErrors } from "./errors.js";
import type { ServerAddress } from "./members.js";
import { raftIdOf } from "./raft-id.js";
import { recoverRestore } from "./snapshots.js";
import { reconcile } from "./startup.js";
import type { RaftStateMachine } from "./state-machine.js";

export const PEERS_FILE = "peers.json";

/** A line of the file: `[{"id": UUID, "address": "host:port", "name"?: text, "non_voter"?: bool}]`. */
interface Peer {
  readonly id: string;
  readonly address: string;
  readonly name?: string;
  readonly non_voter?: boolean;
}

export interface PeersRecovery {
  /** Where the file is looked for: `<data_dir>/raft`. */
  readonly directory: string;
  /** This server's UUID. */
  readonly id: string;
  readonly log: LogStore;
  readonly stateMachine: RaftStateMachine;
  readonly syncState: () => Promise<void>;
  readonly logger: Logger;
}

const NO_BYTES = new Uint8Array(0);
const READ_BYTES = 4 * 1024 * 1024;

/**
 * For the loss of a quorum that will not come back: if there is a peers file, the servers in it are the cluster's from now on, whatever
 * the log says. The same file must be given to every server that is left, while all are stopped; servers that were left out must never
 * be started again with their old data. To be called before Raft starts. Throws `peersFile` for a file that cannot be used.
 *
 * No acknowledged write is lost that any of the servers has: their logs stay, and the one with the newest log wins the election. But no
 * change of the membership that is in a log may take effect after the file's, here or on whoever is sent that log. So what is
 * committed is applied and cut off (others get it as a snapshot, which has the new membership), and in what is not known to be
 * committed such changes are made empty entries. A crash in between is harmless: the file is there until all of it is done.
 */
export async function recoverFromPeersFile(recovery: PeersRecovery): Promise<void> {
  const file = join(recovery.directory, PEERS_FILE);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw raftErrors.peersFile({ file, reason: errorMessage(error) }, error);
  });
  if (text === undefined) return;
  const { log, logger, id } = recovery;
  const peers = parsePeers(file, text);
  if (!peers.some((peer) => peer.id === id))
    throw raftErrors.peersFile({ file, reason: `this server, ${id}, is not in it` });
  if (log.lastIndex() === 0) throw raftErrors.peersFile({ file, reason: "this server has no log to go on with" });
  const committed = await applyCommitted(recovery);
  const configuration = configurationOf(peers, log.configuration, committed);
  await log.append({ entries: withoutChanges(tailBehind(log, committed)), configuration });
  await log.compact(committed);
  await rename(file, `${file}.applied`);
  logger.warn(
    `raft: the servers are now those of ${file}, in place of what the log has: ` +
      peers.map((peer) => `${peer.id} at ${peer.address}${peer.non_voter === true ? " (no vote)" : ""}`).join(", "),
  );
}

function parsePeers(file: string, text: string): Peer[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw raftErrors.peersFile({ file, reason: errorMessage(error) }, error);
  }
  const valid =
    Array.isArray(parsed) &&
    parsed.every((peer: Partial<Peer> | null) => {
      const { id, address, name, non_voter } = peer ?? {};
      if (typeof id !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return false;
      if (typeof address !== "string" || !/^.+:\d+$/.test(address)) return false;
      return ["string", "undefined"].includes(typeof name) && ["boolean", "undefined"].includes(typeof non_voter);
    });
  if (!valid)
    throw raftErrors.peersFile({ file, reason: 'it must be [{"id": "UUID", "address": "HOST:RPC-PORT"}, ...]' });
  const peers = parsed as Peer[];
  if (new Set(peers.map((peer) => raftIdOf(peer.id))).size < peers.length)
    throw raftErrors.peersFile({ file, reason: "a server is in it twice" });
  if (peers.every((peer) => peer.non_voter === true))
    throw raftErrors.peersFile({ file, reason: "it names no server that votes" });
  return peers;
}

/** Brings the state to the last entry that is known to be committed, on disk; returns that entry's index. */
async function applyCommitted({ log, stateMachine, syncState }: PeersRecovery): Promise<number> {
  await recoverRestore(log, stateMachine.appliedIndex);
  await reconcile(log, stateMachine);
  const committed = log.initialState().hardState.commit;
  while (stateMachine.appliedIndex < committed) {
    for (const entry of log.entries(stateMachine.appliedIndex + 1, committed + 1, READ_BYTES)) {
      const { index, term, type } = entry;
      const applied = { index, term, data: type === EntryType.normal ? entry.data : NO_BYTES };
      if (stateMachine.isLong?.(applied) === true) await stateMachine.prepare?.(applied);
      stateMachine.apply([applied]);
    }
  }
  await stateMachine.flush();
  await syncState();
  return committed;
}

function tailBehind(log: LogStore, index: number): Entry[] {
  const tail: Entry[] = [];
  while (index + tail.length < log.lastIndex())
    tail.push(...log.entries(index + tail.length + 1, log.lastIndex() + 1, READ_BYTES));
  return tail;
}

/** The entries from the first change of the membership on, with nothing in the place of changes; none where there is no change. */
function withoutChanges(entries: readonly Entry[]): Entry[] {
  const first = entries.findIndex((entry) => entry.type !== EntryType.normal);
  if (first < 0) return [];
  return entries
    .slice(first)
    .map((entry) => (entry.type === EntryType.normal ? entry : { ...entry, type: EntryType.normal, data: NO_BYTES }));
}

function configurationOf(peers: readonly Peer[], before: LogConfiguration, index: number): LogConfiguration {
  const known = new Map(((before.context ?? []) as ServerAddress[]).map((server) => [server.id, server]));
  const idsOf = (voting: boolean): number[] =>
    peers
      .filter((peer) => (peer.non_voter !== true) === voting)
      .map((peer) => raftIdOf(peer.id))
      .sort((a, b) => a - b);
  return {
    index,
    confState: { ...emptyConfState, voters: idsOf(true), learners: idsOf(false) },
    context: peers.map(({ id, address, name }) => ({ id, address, name: name ?? known.get(id)?.name ?? id })),
  };
}
