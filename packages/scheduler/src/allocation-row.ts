import type {
  AllocatedResources,
  Allocation,
  AllocatedPort,
  AllocatedTaskResources,
  Job,
  NetworkResource,
  Port,
  Resources,
  TaskGroup,
} from "@steppe/structs";
import type { PortGrant } from "./ports.js";
import { groupDemand } from "./resources.js";

/** What allocations of a group without ports share. Rows are frozen, so one object serves them all. */
export interface ResourceRows {
  readonly Resources: Resources;
  readonly SharedResources: Resources;
  readonly TaskResources: Record<string, Resources>;
  readonly AllocatedResources: AllocatedResources;
}

/** Builds the resource fields of a group's allocations: the same objects for each, unless ports make them differ. */
export class ResourceTemplate {
  readonly #group: TaskGroup;
  readonly #shared: ResourceRows | undefined;

  constructor(group: TaskGroup) {
    this.#group = group;
    const hasNetworks =
      (group.Networks ?? []).length > 0 || group.Tasks.some((task) => (task.Resources.Networks ?? []).length > 0);
    this.#shared = hasNetworks ? undefined : buildRows(group, []);
  }

  rows(ports: readonly PortGrant[]): ResourceRows {
    return this.#shared ?? buildRows(this.#group, ports);
  }
}

function buildRows(group: TaskGroup, ports: readonly PortGrant[]): ResourceRows {
  const demand = groupDemand(group);
  const networks = grantedNetworks(
    group.Networks,
    ports.filter((grant) => grant.request.task === ""),
  );
  const empty: Resources = {
    CPU: 0,
    Cores: 0,
    MemoryMB: 0,
    MemoryMaxMB: 0,
    DiskMB: demand.diskMB,
    IOPS: 0,
    Networks: networks,
    Devices: null,
    NUMA: null,
    SecretsMB: 0,
  };
  const tasks: Record<string, AllocatedTaskResources> = {};
  const taskResources: Record<string, Resources> = {};
  let memoryMaxMB = 0;
  for (const task of group.Tasks) {
    const own = grantedNetworks(
      task.Resources.Networks,
      ports.filter((grant) => grant.request.task === task.Name),
    );
    const { CPU, MemoryMB, MemoryMaxMB } = task.Resources;
    memoryMaxMB += MemoryMaxMB || MemoryMB;
    taskResources[task.Name] = own ? { ...task.Resources, Networks: own } : task.Resources;
    tasks[task.Name] = {
      Cpu: { CpuShares: CPU, ReservedCores: null },
      Memory: { MemoryMB, MemoryMaxMB },
      Networks: own,
      Devices: null,
    };
  }
  return {
    Resources: { ...empty, CPU: demand.cpuShares, MemoryMB: demand.memoryMB, MemoryMaxMB: memoryMaxMB },
    SharedResources: empty,
    TaskResources: taskResources,
    AllocatedResources: {
      Tasks: tasks,
      TaskLifecycles: Object.fromEntries(group.Tasks.map((task) => [task.Name, task.Lifecycle])),
      Shared: { Networks: networks, DiskMB: demand.diskMB, Ports: grantedPorts(ports) },
    },
  };
}

/** The networks that were asked for, with the address and the ports that were given. */
function grantedNetworks(
  asked: readonly NetworkResource[] | null,
  ports: readonly PortGrant[],
): NetworkResource[] | null {
  if (!asked || asked.length === 0) return null;
  return asked.map((network) => {
    const given = (port: Port): Port => {
      const grant = ports.find(({ request }) => request.label === port.Label);
      return grant ? { ...port, Value: grant.value } : port;
    };
    const labels = [...(network.ReservedPorts ?? []), ...(network.DynamicPorts ?? [])].map((port) => port.Label);
    const address = ports.find(({ request }) => labels.includes(request.label))?.address;
    return {
      ...network,
      ...(address === undefined ? {} : { IP: address }),
      ...(network.ReservedPorts ? { ReservedPorts: network.ReservedPorts.map(given) } : {}),
      ...(network.DynamicPorts ? { DynamicPorts: network.DynamicPorts.map(given) } : {}),
    };
  });
}

function grantedPorts(ports: readonly PortGrant[]): AllocatedPort[] | null {
  const shared = ports.filter((grant) => grant.request.task === "");
  if (shared.length === 0) return null;
  return shared.map(({ request, value, address }) => ({
    Label: request.label,
    Value: value,
    ...(request.to === 0 ? {} : { To: request.to }),
    HostIP: address,
  }));
}

/** An allocation's name: `job.group[index]`. */
export function allocationName(job: Pick<Job, "ID">, group: string, index: number): string {
  return `${job.ID}.${group}[${index}]`;
}

/** The index in an allocation's name, or -1. */
export function nameIndex(alloc: Pick<Allocation, "Name">): number {
  const index = Number(alloc.Name.slice(alloc.Name.lastIndexOf("[") + 1, -1));
  return alloc.Name.endsWith("]") && Number.isInteger(index) ? index : -1;
}
