// The processes that a run starts: each is remembered and ended by its id, whatever happens to the run.
import { spawn } from "node:child_process";
import { openSync, closeSync, readFileSync } from "node:fs";

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** Starts a process whose output goes to `log`. */
export function startProcess(command, args, log) {
  const output = openSync(log, "a");
  const child = spawn(command, args, { stdio: ["ignore", output, output] });
  closeSync(output);
  running.add(child);
  child.on("exit", () => running.delete(child));
  child.on("error", () => running.delete(child));
  return child;
}

export function isRunning(child) {
  return running.has(child);
}

/** Sends the signal and waits until the process is gone; SIGKILL follows after 15 s. */
export function endProcess(child, signal = "SIGTERM") {
  if (!running.has(child)) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill(signal);
  });
}

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

/** Resident memory in MiB; undefined where the system does not say. */
export function residentMiB(pid) {
  const kib = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** CPU time that the process has used, in ms (the kernel counts in ticks of 10 ms). */
export function cpuMs(pid) {
  const fields = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ");
  return fields === undefined ? NaN : (Number(fields[11]) + Number(fields[12])) * 10;
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
