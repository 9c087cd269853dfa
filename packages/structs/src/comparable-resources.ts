import type { Allocation } from "./allocation.js";
import type { AllocatedPort, NetworkResource } from "./network.js";
import type { AllocatedTaskResources } from "./resources.js";

/** What an allocation takes of its node, flat. CPU in MHz; `cores` are the numbers of the cores it has to itself. */
export interface ComparableResources {
  cpuShares: number;
  memoryMB: number;
  memoryMaxMB: number;
  diskMB: number;
  cores: number[];
  ports: AllocatedPort[];
}

/**
 * What an allocation takes of its node. Tasks that do not run at the same time share: prestart and poststop hooks (that are not
 * sidecars) only count as far as they exceed what the main tasks take.
 */
export function comparableResources(alloc: Pick<Allocation, "AllocatedResources">): ComparableResources {
  const { Tasks, TaskLifecycles, Shared } = alloc.AllocatedResources;
  const main = emptySum();
  const before = emptySum();
  const after = emptySum();
  for (const name in Tasks) {
    const task = Tasks[name];
    if (!task) continue;
    const lifecycle = TaskLifecycles?.[name];
    const passing = lifecycle && !lifecycle.Sidecar;
    if (passing && lifecycle.Hook === "prestart") add(before, task);
    else if (passing && lifecycle.Hook === "poststop") add(after, task);
    else add(main, task);
  }
  return {
    cpuShares: Math.max(main.cpuShares, before.cpuShares, after.cpuShares),
    memoryMB: Math.max(main.memoryMB, before.memoryMB, after.memoryMB),
    memoryMaxMB: Math.max(main.memoryMaxMB, before.memoryMaxMB, after.memoryMaxMB),
    diskMB: Shared.DiskMB,
    cores: [...new Set([...main.cores, ...before.cores, ...after.cores])],
    ports: Shared.Ports ? [...Shared.Ports, ...taskPorts(Tasks)] : taskPorts(Tasks),
  };
}

type Sum = Pick<ComparableResources, "cpuShares" | "memoryMB" | "memoryMaxMB" | "cores">;

const emptySum = (): Sum => ({ cpuShares: 0, memoryMB: 0, memoryMaxMB: 0, cores: [] });

function add(sum: Sum, task: AllocatedTaskResources): void {
  sum.cpuShares += task.Cpu.CpuShares;
  sum.memoryMB += task.Memory.MemoryMB;
  sum.memoryMaxMB += Math.max(task.Memory.MemoryMaxMB, task.Memory.MemoryMB);
  if (task.Cpu.ReservedCores) sum.cores.push(...task.Cpu.ReservedCores);
}

/** Ports in the older networks of tasks. */
function taskPorts(tasks: Record<string, AllocatedTaskResources> | null): AllocatedPort[] {
  const ports: AllocatedPort[] = [];
  for (const name in tasks) {
    for (const network of tasks[name]?.Networks ?? []) ports.push(...networkPorts(network));
  }
  return ports;
}

/** The ports that a network with an address holds. */
export function networkPorts(network: NetworkResource): AllocatedPort[] {
  return [...(network.ReservedPorts ?? []), ...(network.DynamicPorts ?? [])].map((port) => ({
    Label: port.Label,
    Value: port.Value ?? 0,
    To: port.To,
    HostIP: network.IP ?? "",
  }));
}
