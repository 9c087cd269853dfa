import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { assert, errorMessage, must } from "@steppe/shared";
import type { LogConfiguration, LogStore } from "@steppe/storage";
import { type ConfState, type HardState, type Message, MessageType, newMessage, type SnapshotMetadata } from "raft-ts";

import type { Logger } from "../context.js";
import type { RpcTransport } from "../rpc/transport.js";
import type { Members } from "./members.js";
import type { RaftStateMachine } from "./state-machine.js";

/** What precedes the chunks on the wire. */
interface SnapshotHeader {
  readonly term: number;
  readonly index: number;
  readonly indexTerm: number;
  readonly configuration: LogConfiguration;
}

export interface SnapshotsOptions {
  readonly log: LogStore;
  readonly stateMachine: RaftStateMachine;
  readonly members: Members;
  readonly transport: RpcTransport;
  readonly logger: Logger;
  /** Where a snapshot is kept while it is received. */
  readonly directory: string;
  readonly report: (peer: number, ok: boolean) => void;
  /** Gives a received snapshot to Raft. */
  readonly step: (message: Message) => void;
}

/** Snapshots between servers: the state is streamed as it is when Raft asks for it, and received into a file before Raft hears of it. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #sending = new Map<number, number>();
  /** Files that Raft has accepted and that wait to be installed. */
  readonly #received = new Map<string, LogConfiguration>();
  readonly #accepted = new Set<string>();
  #counter = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Removes what an earlier process left. */
  async start(): Promise<void> {
    await rm(this.#options.directory, { recursive: true, force: true });
    await mkdir(this.#options.directory, { recursive: true });
  }

  /** The index of the oldest snapshot on its way: the entries behind it will be needed. */
  get oldestSending(): number {
    return Math.min(...this.#sending.values());
  }

  /**
   * Carries out a msgSnap. What is sent is the state of now: newer than what Raft asked for, which is safe, since all of it is
   * committed, and saves keeping an old one.
   */
  send(message: Message): void {
    const { log, stateMachine, members, transport, report, logger } = this.#options;
    const chunks = stateMachine.snapshotChunks();
    const index = stateMachine.appliedIndex;
    const header: SnapshotHeader = {
      term: message.term,
      index,
      indexTerm: log.term(index),
      configuration: members.configuration,
    };
    const peer = message.to;
    this.#sending.set(peer, index);
    logger.info(`raft: sending a snapshot at entry ${index} to server ${peer}`);
    transport.sendSnapshot(peer, header, chunks).then(
      () => {
        this.#sending.delete(peer);
        logger.info(`raft: server ${peer} has the snapshot at entry ${index}`);
        report(peer, true);
      },
      (error: unknown) => {
        this.#sending.delete(peer);
        logger.warn(`raft: sending a snapshot to server ${peer} failed: ${errorMessage(error)}`);
        report(peer, false);
      },
    );
  }

  /** Receives a snapshot, and hands it to Raft once all of it is here. */
  async receive(self: number, from: number, header: unknown, chunks: Readable): Promise<void> {
    const { term, index, indexTerm, configuration } = checkHeader(header);
    const file = join(this.#options.directory, `${++this.#counter}`);
    try {
      const handle = await open(file, "wx", 0o600);
      try {
        for await (const chunk of chunks) await handle.write(chunk as Buffer);
      } finally {
        await handle.close();
      }
      this.#received.set(file, configuration);
      const metadata: SnapshotMetadata = { index, term: indexTerm, confState: configuration.confState };
      const snapshot = { data: Buffer.from(file), metadata };
      this.#options.step(newMessage(MessageType.msgSnap, self, { from, term, snapshot }));
    } finally {
      if (!this.#accepted.has(file)) {
        this.#received.delete(file);
        await rm(file, { force: true });
      }
    }
  }

  /** Raft has accepted the snapshot of this msgStorageAppend; `install` will follow. */
  accept(message: Message): void {
    this.#accepted.add(fileOf(message));
  }

  /**
   * Replaces the state machine and the log. The order makes a crash harmless: what is about to happen is noted in the log, the state
   * is replaced, the log is; see `recoverRestore`.
   */
  async install(message: Message, hardState: HardState | undefined): Promise<void> {
    const { log, stateMachine, members, logger } = this.#options;
    const { metadata } = must(message.snapshot, "no snapshot to install");
    const file = fileOf(message);
    const configuration = must(this.#received.get(file), "a snapshot that was not received");
    await log.append({ pendingRestore: { metadata, configuration } });
    await stateMachine.restore(createReadStream(file, { highWaterMark: 256 * 1024 }));
    assert(
      stateMachine.appliedIndex === metadata.index,
      `the snapshot at entry ${metadata.index} restored to entry ${stateMachine.appliedIndex}`,
    );
    await log.append({ hardState, snapshot: metadata, configuration, pendingRestore: null, entries: message.entries });
    members.replace(configuration);
    this.#accepted.delete(file);
    this.#received.delete(file);
    await rm(file, { force: true });
    logger.info(`raft: restored a snapshot at entry ${metadata.index}`);
  }
}

/**
 * Ends a restore that a crash interrupted: if the state had been replaced, the log follows; otherwise both stay as they
 * were.
 */
export async function recoverRestore(log: LogStore, durableIndex: number): Promise<void> {
  const pending = log.pendingRestore;
  if (pending === undefined) return;
  const { metadata, configuration } = pending;
  if (durableIndex < metadata.index) return log.append({ pendingRestore: null });
  const { hardState } = log.initialState();
  // The leader's term may not have been stored yet; then no vote was given in it either.
  const newer = hardState.term < metadata.term;
  const term = newer ? metadata.term : hardState.term;
  await log.append({
    hardState: { term, vote: newer ? 0 : hardState.vote, commit: metadata.index },
    snapshot: metadata,
    configuration,
    pendingRestore: null,
  });
}

function fileOf(message: Message): string {
  return Buffer.from(must(message.snapshot, "no snapshot").data).toString();
}

/** Checks a header that came from the network. */
function checkHeader(header: unknown): SnapshotHeader {
  const { term, index, indexTerm, configuration } = (header ?? {}) as Partial<SnapshotHeader>;
  const numbers = [term, index, indexTerm, configuration?.index];
  const confState: Partial<ConfState> | undefined = configuration?.confState;
  const valid =
    numbers.every((number) => Number.isSafeInteger(number) && number! >= 0) &&
    [confState?.voters, confState?.learners, confState?.votersOutgoing, confState?.learnersNext].every(Array.isArray) &&
    Array.isArray(configuration?.context);
  if (!valid) throw new RangeError("not the header of a snapshot");
  return header as SnapshotHeader;
}
