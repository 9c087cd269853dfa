import { type Clock, formatDuration } from "@steppe/shared";
import type { TaskEvent } from "@steppe/structs";

import type { ExitResult } from "./drivers/driver.js";

/** How many events a task keeps; older ones are dropped first. */
export const MAX_TASK_EVENTS = 10;

const EMPTY_EVENT: TaskEvent = {
  Type: "",
  Time: 0,
  Message: "",
  DisplayMessage: "",
  Details: {},
  FailsTask: false,
  RestartReason: "",
  SetupError: "",
  DriverError: "",
  ExitCode: 0,
  Signal: 0,
  KillTimeout: 0,
  KillError: "",
  KillReason: "",
  StartDelay: 0,
  DownloadError: "",
  ValidationError: "",
  DiskLimit: 0,
  FailedSibling: "",
  VaultError: "",
  TaskSignalReason: "",
  TaskSignal: "",
  DriverMessage: "",
  GenericSource: "",
};

/** What distinguishes an event; its time and the remaining fields are filled in when it is recorded. */
export type EventDraft = Partial<Omit<TaskEvent, "Time">> & { Type: string; DisplayMessage: string };

export function taskEvent(draft: EventDraft, clock: Clock): TaskEvent {
  return { ...EMPTY_EVENT, ...draft, Details: draft.Details ?? {}, Time: nowNs(clock) };
}

/** Wall-clock nanoseconds at microsecond resolution, so that the number prints exactly. */
export function nowNs(clock: Clock): number {
  return Math.round(clock.nowMs() * 1000) * 1000;
}

export const received = (): EventDraft => ({ Type: "Received", DisplayMessage: "Task received by client" });

export const taskSetup = (message: string): EventDraft => ({
  Type: "Task Setup",
  Message: message,
  DisplayMessage: message,
  Details: { message },
});

export const started = (): EventDraft => ({ Type: "Started", DisplayMessage: "Task started by client" });

export const driverFailure = (text: string): EventDraft => ({
  Type: "Driver Failure",
  DriverError: text,
  DisplayMessage: text === "" ? "Failed to start task" : text,
  Details: { driver_error: text },
});

export const setupFailure = (text: string): EventDraft => ({
  Type: "Setup Failure",
  SetupError: text,
  DisplayMessage: text === "" ? "Task setup failed" : text,
  Details: { setup_error: text },
});

export function terminated(exit: ExitResult): EventDraft {
  const parts = [`Exit Code: ${exit.exitCode}`];
  if (exit.signal !== 0) parts.push(`Signal: ${exit.signal}`);
  if (exit.message) parts.push(`Exit Message: ${JSON.stringify(exit.message)}`);
  return {
    Type: "Terminated",
    Message: exit.message ?? "",
    DisplayMessage: parts.join(", "),
    ExitCode: exit.exitCode,
    Signal: exit.signal,
    Details: {
      exit_code: String(exit.exitCode),
      signal: String(exit.signal),
      oom_killed: String(exit.oomKilled),
      ...(exit.message && { exit_message: exit.message }),
    },
  };
}

export const REASON_WITHIN_POLICY = "Restart within policy";

export function restarting(reason: string, delayNs: number): EventDraft {
  const text = `Task restarting in ${formatDuration(delayNs)}`;
  return {
    Type: "Restarting",
    RestartReason: reason,
    StartDelay: delayNs,
    DisplayMessage: reason === "" || reason === REASON_WITHIN_POLICY ? text : `${reason} - ${text}`,
    Details: { restart_reason: reason, start_delay: String(delayNs) },
  };
}

export const notRestarting = (reason: string): EventDraft => ({
  Type: "Not Restarting",
  RestartReason: reason,
  FailsTask: true,
  DisplayMessage: reason === "" ? "Task exceeded restart policy" : reason,
  Details: { restart_reason: reason, fails_task: "true" },
});

export function killing(killTimeoutNs: number, reason = ""): EventDraft {
  const waiting = killTimeoutNs > 0 ? `. Waiting ${formatDuration(killTimeoutNs)} before force killing` : "";
  return {
    Type: "Killing",
    KillTimeout: killTimeoutNs,
    KillReason: reason,
    DisplayMessage: reason === "" ? `Sent interrupt${waiting}` : `Killing task: ${reason}`,
    Details: {
      ...(killTimeoutNs > 0 && { kill_timeout: formatDuration(killTimeoutNs) }),
      ...(reason !== "" && { kill_reason: reason }),
    },
  };
}

export const killed = (error = ""): EventDraft => ({
  Type: "Killed",
  KillError: error,
  DisplayMessage: error === "" ? "Task successfully killed" : error,
  Details: error === "" ? {} : { kill_error: error },
});

export const leaderDead = (): EventDraft => ({ Type: "Leader Task Dead", DisplayMessage: "Leader Task in Group dead" });

export const mainDead = (): EventDraft => ({ Type: "Main Tasks Dead", DisplayMessage: "Main tasks in the group died" });

export const siblingFailed = (task: string): EventDraft => ({
  Type: "Sibling Task Failed",
  FailedSibling: task,
  DisplayMessage: `Task's sibling "${task}" failed`,
  Details: { failed_sibling: task },
});

export const restartSignaled = (reason: string): EventDraft => ({
  Type: "Restart Signaled",
  RestartReason: reason,
  DisplayMessage: reason === "" ? "Task signaled to restart" : reason,
  Details: reason === "" ? {} : { restart_reason: reason },
});

export const signaling = (signal: string, reason: string): EventDraft => ({
  Type: "Signaling",
  TaskSignal: signal,
  TaskSignalReason: reason,
  DisplayMessage: `Task being sent signal ${signal}${reason === "" ? "" : `: ${reason}`}`,
  Details: { signal, ...(reason !== "" && { task_signal_reason: reason }) },
});

export const waitingForShutdownDelay = (delayNs: number): EventDraft => {
  const message = `Waiting for shutdown_delay of ${formatDuration(delayNs)} before killing the task.`;
  return { Type: "Waiting for shutdown delay", Message: message, DisplayMessage: message, Details: { message } };
};

export const unhealthy = (message: string): EventDraft => ({
  Type: "Alloc Unhealthy",
  Message: message,
  DisplayMessage: message,
  Details: { message },
});
