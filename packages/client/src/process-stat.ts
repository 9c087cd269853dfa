import { readFile } from "node:fs/promises";

/** One process, told apart from a later one with the same number by its start time. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to the process's start: field 22 of /proc/PID/stat. */
  startTicks: number;
}

/** Parses a /proc/PID/stat line. The second field may hold spaces and parentheses, so fields count from the last one. */
export function parseProcessStat(
  line: string,
): (ProcessIdentity & { state: string; userTicks: number; systemTicks: number; residentPages: number }) | undefined {
  const close = line.lastIndexOf(")");
  const pid = Number.parseInt(line, 10);
  const fields = line
    .slice(close + 2)
    .trim()
    .split(" ");
  const startTicks = Number(fields[19]);
  if (close < 0 || !(pid > 0) || !(startTicks >= 0) || fields[19] === undefined) return undefined;
  return {
    pid,
    startTicks,
    state: fields[0] ?? "",
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
    residentPages: Number(fields[21]),
  };
}

/** Whether that very process still runs; a zombie does not count. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await readProcessStat(identity.pid);
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== "Z";
}

export async function readProcessStat(pid: number): Promise<ReturnType<typeof parseProcessStat>> {
  try {
    return parseProcessStat(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

let currentBoot: Promise<string> | undefined;

/** A value that changes with every boot, or "" where the kernel has none: process numbers of another boot mean nothing. */
export function bootId(): Promise<string> {
  currentBoot ??= readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => "",
  );
  return currentBoot;
}
