import { mkdtemp, rm } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";

import { type Clock, type Random, seededRandom, sleep, systemClock, type Timer } from "@steppe/shared";
import type { Allocation, Job, Task, TaskGroup } from "@steppe/structs";

import type { Logger } from "../src/logger.js";

export const quietLogger: Logger = {
  error: (message, fields) => console.error(message, fields),
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

export const random: Random = seededRandom(7);

/** Waits until the condition holds; the bound only ends a test that is broken anyway. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  boundMs = 30_000,
): Promise<NonNullable<T>> {
  const deadlineMs = systemClock.monotonicMs() + boundMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`not within ${boundMs} ms: ${what}`);
    await sleep(systemClock, 10);
  }
}

const directories: string[] = [];

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "steppe-client-"));
  directories.push(directory);
  return directory;
}

export async function removeTemporaryDirectories(): Promise<void> {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** A shell task under raw_exec. */
export function shellTask(script: string, overrides: Partial<Task> = {}): Task {
  return task({ Driver: "raw_exec", Config: { command: "/bin/sh", args: ["-c", script] }, ...overrides });
}

export function mockTask(config: Record<string, unknown>, overrides: Partial<Task> = {}): Task {
  return task({ Driver: "mock_driver", Config: config, ...overrides });
}

function task(overrides: Partial<Task>): Task {
  const base = {
    Name: "t",
    Driver: "mock_driver",
    User: "",
    Config: null,
    Env: null,
    RestartPolicy: { Attempts: 0, Interval: 60e9, Delay: 0, Mode: "fail", RenderTemplates: false },
    DispatchPayload: null,
    Lifecycle: null,
    Meta: null,
    KillTimeout: 5e9,
    LogConfig: { MaxFiles: 3, MaxFileSizeMB: 1, Disabled: false },
    Leader: false,
    ShutdownDelay: 0,
    KillSignal: "",
  };
  return { ...base, ...overrides } as Task;
}

let registrations = 0;

/** An allocation of one group; only the fields that a client reads. */
export function allocation(
  tasks: Task[],
  overrides: Partial<Allocation> & { type?: string; group?: Partial<TaskGroup>; job?: Partial<Job> } = {},
): Allocation {
  const { type = "batch", group, job, ...rest } = overrides;
  const strategy = { HealthCheck: "checks", MinHealthyTime: 20e6, HealthyDeadline: 30e9, MaxParallel: 1 };
  const taskGroup = {
    Name: "g",
    Count: 1,
    Tasks: tasks,
    Meta: null,
    ShutdownDelay: null,
    Update: strategy,
    Migrate: strategy,
    EphemeralDisk: { Sticky: false, SizeMB: 300, Migrate: false },
    ...group,
  };
  const id = rest.ID ?? random.uuid();
  const base = {
    ID: id,
    Namespace: "default",
    EvalID: "",
    Name: "web.g[2]",
    NodeID: "",
    NodeName: "n1",
    JobID: "web",
    Job: {
      ID: "web",
      Name: "web",
      Namespace: "default",
      Version: 0,
      JobModifyIndex: ++registrations,
      ParentID: "",
      Type: type,
      Meta: { owner: "me" },
      Payload: null,
      TaskGroups: [taskGroup],
      ...job,
    },
    TaskGroup: "g",
    AllocatedResources: {
      Tasks: Object.fromEntries(
        tasks.map(({ Name: name }) => [
          name,
          {
            Cpu: { CpuShares: 100, ReservedCores: null },
            Memory: { MemoryMB: 64, MemoryMaxMB: 0 },
            Networks: null,
            Devices: null,
          },
        ]),
      ),
      TaskLifecycles: null,
      Shared: { Networks: null, DiskMB: 300, Ports: [{ Label: "http", Value: 24980, HostIP: "127.0.0.1" }] },
    },
    DesiredStatus: "run",
    ClientStatus: "pending",
    CreateIndex: 10,
    ModifyIndex: 10,
    AllocModifyIndex: 10,
    CreateTime: 1,
    ModifyTime: 1,
    ...rest,
  };
  return base as unknown as Allocation;
}

/** A clock that moves only when told; timers fire in order. */
export class ManualClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #timers: { atMs: number; fn: () => void; everyMs?: number }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + delayMs, fn });
  }

  every(intervalMs: number, fn: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + intervalMs, fn, everyMs: intervalMs });
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.atMs += next.everyMs;
      next.fn();
    }
    this.#nowMs = endMs;
  }

  #add(timer: { atMs: number; fn: () => void; everyMs?: number }): Timer {
    this.#timers.push(timer);
    return { clear: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }
}
