import type { Static } from "@sinclair/typebox";
import { always, bool, duration, int, list, map, nanos, ptr, str, struct, time, uint } from "./schema.js";

/** Something that happened to a task. `Time` in nanoseconds; `KillTimeout` in nanoseconds; `StartDelay` in nanoseconds. */
export const TaskEventSchema = struct("TaskEvent", {
  Type: str(),
  Time: nanos(),
  Message: str(),
  DisplayMessage: str(),
  Details: always(map(str()), {}),
  FailsTask: bool(),
  RestartReason: str(),
  SetupError: str(),
  DriverError: str(),
  ExitCode: int(),
  Signal: int(),
  KillTimeout: duration(),
  KillError: str(),
  KillReason: str(),
  StartDelay: duration(),
  DownloadError: str(),
  ValidationError: str(),
  DiskLimit: int(),
  FailedSibling: str(),
  VaultError: str(),
  TaskSignalReason: str(),
  TaskSignal: str(),
  DriverMessage: str(),
  GenericSource: str(),
});
export interface TaskEvent extends Static<typeof TaskEventSchema> {}

/** The state of one task: `State` is pending, running or dead. Times are RFC 3339 or null. */
export const TaskStateSchema = struct("TaskState", {
  State: str(),
  Failed: bool(),
  Restarts: uint(),
  LastRestart: ptr(time()),
  StartedAt: ptr(time()),
  FinishedAt: ptr(time()),
  Events: list(TaskEventSchema),
  Paused: str(),
});
export interface TaskState extends Static<typeof TaskStateSchema> {}
