import { readFile, statfs } from "node:fs/promises";
import * as os from "node:os";

/** Facts about the machine, as attributes (`kernel.name`, `cpu.arch` ...) and as numbers. */
export interface HostFingerprint {
  attributes: Record<string, string>;
  cores: number;
  coreMHz: number;
  memoryMB: number;
  diskMB: number;
}

/** Go's names for architectures, which jobs' constraints are written with. */
const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm64: "arm64", arm: "arm" };

/** Signals that tasks can be sent on every Linux; constraints of jobs with a kill_signal name them. */
const SIGNALS =
  "SIGABRT,SIGALRM,SIGBUS,SIGCHLD,SIGCONT,SIGFPE,SIGHUP,SIGILL,SIGINT,SIGIO,SIGIOT,SIGKILL,SIGPIPE,SIGPROF,SIGQUIT,SIGSEGV,SIGSTOP," +
  "SIGSYS,SIGTERM,SIGTRAP,SIGTSTP,SIGTTIN,SIGTTOU,SIGUSR1,SIGUSR2,SIGWINCH,SIGXCPU,SIGXFSZ";

/** Where a virtual machine does not tell its speed. */
const FALLBACK_CORE_MHZ = 1_000;

/** Finds out about the machine. `directory` must exist: its file system is the one that allocations fill. */
export async function fingerprintHost(directory: string): Promise<HostFingerprint> {
  const cpus = os.cpus();
  const cores = cpus.length || 1;
  const coreMHz = Math.round(Math.max(...cpus.map((cpu) => cpu.speed), 0)) || FALLBACK_CORE_MHZ;
  const release = await osRelease();
  const disk = await statfs(directory);
  const diskBytes = disk.blocks * disk.bsize;
  const architecture = GO_ARCHITECTURES[os.arch()] ?? os.arch();
  return {
    cores,
    coreMHz,
    memoryMB: Math.floor(os.totalmem() / 2 ** 20),
    diskMB: Math.floor(diskBytes / 2 ** 20),
    attributes: {
      "kernel.name": os.type().toLowerCase(),
      "kernel.version": os.release(),
      "kernel.arch": os.machine(),
      "os.name": release.name,
      "os.version": release.version,
      "os.signals": SIGNALS,
      "cpu.arch": architecture,
      arch: architecture,
      "cpu.modelname": cpus[0]?.model.trim() ?? "",
      "cpu.numcores": String(cores),
      "cpu.reservablecores": String(cores),
      "cpu.frequency": String(coreMHz),
      "memory.totalbytes": String(os.totalmem()),
      "unique.hostname": os.hostname(),
      "unique.storage.bytestotal": String(diskBytes),
      "unique.storage.volume": await volumeOf(directory),
    },
  };
}

async function osRelease(): Promise<{ name: string; version: string }> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line.trim());
    if (match?.[1]) values.set(match[1], match[2] ?? "");
  }
  const name = values.get("ID") ?? os.platform();
  // Debian's point release is only in a file of its own.
  const debian = name === "debian" ? (await readFile("/etc/debian_version", "utf8").catch(() => "")).trim() : "";
  return { name, version: debian || (values.get("VERSION_ID") ?? "") };
}

/** The device that the directory's file system is on: the longest mount point that leads to it. */
async function volumeOf(directory: string): Promise<string> {
  const mounts = await readFile("/proc/self/mounts", "utf8").catch(() => "");
  let best = { point: "", device: "" };
  for (const line of mounts.split("\n")) {
    const [device = "", point = ""] = line.split(" ");
    const leads = point === "/" || directory === point || directory.startsWith(`${point}/`);
    if (point !== "" && leads && point.length >= best.point.length) best = { point, device };
  }
  return best.device;
}
