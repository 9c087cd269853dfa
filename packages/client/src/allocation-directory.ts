import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import * as path from "node:path";

import type { Task } from "@steppe/structs";

import { errors } from "./errors.js";
import type { TaskDirectories } from "./task-environment.js";

/**
 * The directory of one allocation:
 *
 *     ALLOC/alloc/{data,logs,tmp}         shared by its tasks (NOMAD_ALLOC_DIR)
 *     ALLOC/TASK/{local,secrets,tmp}      NOMAD_TASK_DIR is TASK/local
 *
 * What a driver keeps about a task is not in here, out of the task's reach: see `stateDirectory`.
 */
export class AllocationDirectory {
  readonly root: string;
  readonly shared: string;
  readonly logs: string;
  readonly #stateRoot: string;
  #built: Promise<void> | undefined;
  readonly #builtTasks = new Map<string, Promise<void>>();

  constructor(options: { allocationsDirectory: string; driversDirectory: string; allocationId: string }) {
    this.root = path.join(options.allocationsDirectory, options.allocationId);
    this.shared = path.join(this.root, "alloc");
    this.logs = path.join(this.shared, "logs");
    this.#stateRoot = path.join(options.driversDirectory, options.allocationId);
  }

  task(name: string): TaskDirectories {
    const task = path.join(this.root, name);
    return {
      shared: this.shared,
      task,
      local: path.join(task, "local"),
      secrets: path.join(task, "secrets"),
      tmp: path.join(task, "tmp"),
    };
  }

  /** Where a driver keeps what it needs to find a task again. */
  stateDirectory(task: string): string {
    return path.join(this.#stateRoot, task);
  }

  /** Makes the shared directories and those of one task; `payload` is what the job was dispatched with, in base64. */
  async build(task: Task, payload: string | null): Promise<void> {
    assertPlainName(task.Name);
    this.#built ??= this.#buildShared();
    await this.#built;
    let built = this.#builtTasks.get(task.Name);
    if (!built) this.#builtTasks.set(task.Name, (built = this.#buildTask(task, payload)));
    await built;
  }

  async #buildShared(): Promise<void> {
    await mkdir(this.shared, { recursive: true });
    for (const name of ["data", "logs", "tmp"]) await openDirectory(path.join(this.shared, name));
    // Tasks may run as any user; the way to them is closed by the agent's data directory for listing only.
    await Promise.all([chmod(this.root, 0o755), chmod(this.shared, 0o777)]);
  }

  async #buildTask(task: Task, payload: string | null): Promise<void> {
    const directories = this.task(task.Name);
    await openDirectory(directories.task);
    await openDirectory(directories.local);
    await openDirectory(directories.tmp);
    await mkdir(directories.secrets, { recursive: true });
    await chmod(directories.secrets, task.User === "" ? 0o700 : 0o777);
    const file = task.DispatchPayload?.File ?? "";
    if (file === "" || payload === null || payload === "") return;
    const target = insideOf(directories.local, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, Buffer.from(payload, "base64"));
  }

  /** Takes over `alloc/data` and every task's `local` of the allocation that this one replaces on the same node. */
  async adopt(previous: AllocationDirectory, tasks: readonly string[]): Promise<void> {
    await this.#move(path.join(previous.shared, "data"), path.join(this.shared, "data"));
    for (const task of tasks) await this.#move(previous.task(task).local, this.task(task).local);
  }

  async #move(from: string, to: string): Promise<void> {
    if (!(await exists(from))) return;
    await mkdir(path.dirname(to), { recursive: true });
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  }

  /** Removes everything. Only for an allocation none of whose tasks runs. */
  async destroy(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
    await rm(this.#stateRoot, { recursive: true, force: true });
  }
}

/** Ids of the allocations that have a directory. */
export async function allocationDirectories(allocationsDirectory: string): Promise<string[]> {
  try {
    return await readdir(allocationsDirectory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The path below `directory`; throws `escapesDirectory` for one that leads out of it. */
export function insideOf(directory: string, relative: string): string {
  const target = path.resolve(directory, `./${relative}`);
  if (target !== directory && !target.startsWith(directory + path.sep))
    throw errors.escapesDirectory({ path: relative });
  return target;
}

/** A task's name becomes a directory's: servers refuse slashes, and a client does not rely on that. */
function assertPlainName(name: string): void {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) throw errors.escapesDirectory({ path: name });
}

/** A directory that everybody may write to; chmod because mkdir's mode is subject to the umask. */
async function openDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o777);
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
