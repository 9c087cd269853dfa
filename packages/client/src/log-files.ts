import { closeSync, fstatSync, ftruncateSync, linkSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { copyFile, readdir, rm, stat } from "node:fs/promises";
import * as path from "node:path";

import type { Clock, Timer } from "@steppe/shared";

import type { Logger } from "./logger.js";

export type LogStream = "stdout" | "stderr";

/** The log files of a task in ascending order: `TASK.stdout.0`, `.1` ...; the last is being written. */
export async function logFileIndexes(directory: string, task: string, stream: LogStream): Promise<number[]> {
  const prefix = `${task}.${stream}.`;
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [] as string[];
    throw error;
  });
  const indexes: number[] = [];
  for (const name of names) {
    const suffix = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (/^\d+$/.test(suffix)) indexes.push(Number(suffix));
  }
  return indexes.sort((a, b) => a - b);
}

export function logFile(directory: string, task: string, stream: LogStream, index: number): string {
  return path.join(directory, `${task}.${stream}.${index}`);
}

/** The file that a starting task appends to: the last one there is. */
export async function currentLogFile(directory: string, task: string, stream: LogStream): Promise<string> {
  const indexes = await logFileIndexes(directory, task, stream);
  return logFile(directory, task, stream, indexes.at(-1) ?? 0);
}

interface RotatedTask {
  directory: string;
  task: string;
  maxFiles: number;
  maxBytes: number;
}

const ROTATION_INTERVAL_MS = 1_000;

/**
 * Keeps tasks' logs within their LogConfig. Tasks write straight into files, so that they need no agent to write; the price
 * is that the agent cannot switch files under them. It copies what was written to a file of its own and truncates the task's
 * (which is opened for appending). The task's file always carries the highest number, and what was between the copy's last read
 * and the truncation (microseconds, without leaving the process) is lost. While no agent runs, nothing is rotated.
 */
export class LogRotator {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tasks = new Map<string, RotatedTask>();
  #timer: Timer | undefined;
  #busy = false;

  constructor(options: { clock: Clock; logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Keeps the process alive until `stop`, as a running agent should: its other timers do not. */
  start(): void {
    this.#timer = this.#clock.every(ROTATION_INTERVAL_MS, () => this.#tick());
  }

  stop(): void {
    this.#timer?.clear();
  }

  add(key: string, task: RotatedTask): void {
    this.#tasks.set(key, task);
  }

  remove(key: string): void {
    this.#tasks.delete(key);
  }

  #tick(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.rotateAll()
      .catch((error: unknown) => this.#logger.warn("cannot rotate logs", { error }))
      .finally(() => (this.#busy = false));
  }

  /** One round over all tasks. */
  async rotateAll(): Promise<void> {
    for (const task of [...this.#tasks.values()]) {
      for (const stream of ["stdout", "stderr"] as const) await rotate(task, stream);
    }
  }
}

async function rotate(options: RotatedTask, stream: LogStream): Promise<void> {
  const { directory, task, maxFiles, maxBytes } = options;
  const indexes = await logFileIndexes(directory, task, stream);
  const index = indexes.at(-1);
  if (index === undefined) return;
  const current = logFile(directory, task, stream, index);
  if ((await stat(current)).size < maxBytes) return;
  if (maxFiles > 1) {
    const copy = path.join(directory, `.${task}.${stream}.copy`);
    await copyFile(current, copy);
    switchFiles(current, copy, logFile(directory, task, stream, index + 1));
  } else {
    truncate(current);
  }
  for (const old of indexes) {
    if (old <= index + 1 - maxFiles && maxFiles > 1) await rm(logFile(directory, task, stream, old), { force: true });
  }
}

/**
 * Completes the copy, gives it the current file's name, and the truncated current file the next one. Synchronous on purpose: the
 * shorter this takes, the less of the output is lost. Were the agent killed in between, both names would show the same file:
 * the higher one is still the task's.
 */
function switchFiles(current: string, copy: string, next: string): void {
  const source = openSync(current, "r+");
  const target = openSync(copy, "a");
  try {
    const chunk = Buffer.alloc(64 * 1024);
    let position = fstatSync(target).size;
    for (let read = 1; read > 0; position += read) {
      read = readSync(source, chunk, 0, chunk.length, position);
      writeSync(target, chunk, 0, read);
    }
    ftruncateSync(source, 0);
    linkSync(current, next);
    renameSync(copy, current);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function truncate(file: string): void {
  const descriptor = openSync(file, "r+");
  try {
    ftruncateSync(descriptor, 0);
  } finally {
    closeSync(descriptor);
  }
}
