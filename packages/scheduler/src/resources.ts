import type { Random } from "@steppe/shared";
import type { Allocation, Node, TaskGroup } from "@steppe/structs";
import { assignPorts, type NodePorts, nodePorts, type PortGrant, type PortRequest, portRequests } from "./ports.js";

/** What one allocation takes from a node. */
export interface Demand {
  readonly cpuShares: number;
  readonly memoryMB: number;
  readonly diskMB: number;
  readonly ports: readonly PortRequest[];
}

/** What a node can give after its own reservations. */
export interface NodeCapacity {
  readonly cpuShares: number;
  readonly memoryMB: number;
  readonly diskMB: number;
}

/** What a group asks for, per allocation. */
export function groupDemand(group: TaskGroup): Demand {
  let cpuShares = 0;
  let memoryMB = 0;
  for (const task of group.Tasks) {
    cpuShares += task.Resources.CPU ?? 0;
    memoryMB += task.Resources.MemoryMB ?? 0;
  }
  return { cpuShares, memoryMB, diskMB: group.EphemeralDisk.SizeMB, ports: portRequests(group) };
}

export function nodeCapacity(node: Node): NodeCapacity {
  const total = node.NodeResources;
  const reserved = node.ReservedResources;
  return {
    cpuShares: (total?.Cpu?.CpuShares ?? 0) - (reserved?.Cpu?.CpuShares ?? 0),
    memoryMB: (total?.Memory?.MemoryMB ?? 0) - (reserved?.Memory?.MemoryMB ?? 0),
    diskMB: (total?.Disk?.DiskMB ?? 0) - (reserved?.Disk?.DiskMB ?? 0),
  };
}

/** What an allocation holds, read from the row. Ports are the host ports of its groups and tasks. */
export interface Holding {
  readonly cpuShares: number;
  readonly memoryMB: number;
  readonly diskMB: number;
  readonly ports: readonly number[];
}

const NO_PORTS: readonly number[] = [];
/** Rows are frozen and most share one resources object, so what it adds up to is worth remembering with it. */
const holdings = new WeakMap<object, Holding>();

export function allocationHolding(alloc: Pick<Allocation, "AllocatedResources">): Holding {
  const resources = alloc.AllocatedResources;
  if (!resources) return { cpuShares: 0, memoryMB: 0, diskMB: 0, ports: NO_PORTS };
  let holding = holdings.get(resources);
  if (!holding) {
    holding = sumResources(resources);
    holdings.set(resources, holding);
  }
  return holding;
}

function sumResources(resources: NonNullable<Allocation["AllocatedResources"]>): Holding {
  let cpuShares = 0;
  let memoryMB = 0;
  const ports: number[] = [];
  for (const task of Object.values(resources.Tasks ?? {})) {
    cpuShares += task.Cpu?.CpuShares ?? 0;
    memoryMB += task.Memory?.MemoryMB ?? 0;
    for (const network of task.Networks ?? []) {
      for (const port of [...(network.ReservedPorts ?? []), ...(network.DynamicPorts ?? [])])
        if (port.Value) ports.push(port.Value);
    }
  }
  for (const port of resources.Shared?.Ports ?? []) ports.push(port.Value);
  return { cpuShares, memoryMB, diskMB: resources.Shared?.DiskMB ?? 0, ports: ports.length === 0 ? NO_PORTS : ports };
}

/** The first dimension that does not fit, in Nomad's words, or what the node would give. */
export type FitResult =
  { readonly ok: true; readonly ports: readonly PortGrant[] } | { readonly ok: false; readonly dimension: string };

const FITS_WITHOUT_PORTS: FitResult = { ok: true, ports: [] };
const EXHAUSTED_CPU: FitResult = { ok: false, dimension: "cpu" };
const EXHAUSTED_MEMORY: FitResult = { ok: false, dimension: "memory" };
const EXHAUSTED_DISK: FitResult = { ok: false, dimension: "disk" };

/**
 * What is in use on one node: the one place where "does it fit" is decided, for the scheduler's choice and for the plan
 * applier's check alike. Kept up to date by `add` and `remove`, never by a rescan.
 */
export class NodeUsage {
  cpuShares = 0;
  memoryMB = 0;
  diskMB = 0;
  readonly capacity: NodeCapacity;
  #ports: Set<number> | undefined;
  #nodePorts: NodePorts | undefined;

  constructor(readonly node: Node) {
    this.capacity = nodeCapacity(node);
  }

  add(holding: Holding): void {
    this.cpuShares += holding.cpuShares;
    this.memoryMB += holding.memoryMB;
    this.diskMB += holding.diskMB;
    for (const port of holding.ports) (this.#ports ??= new Set()).add(port);
  }

  remove(holding: Holding): void {
    this.cpuShares -= holding.cpuShares;
    this.memoryMB -= holding.memoryMB;
    this.diskMB -= holding.diskMB;
    for (const port of holding.ports) this.#ports?.delete(port);
  }

  /** Whether a demand fits beside what is in use, and with which ports. Changes nothing. */
  fits(demand: Demand, random: Random): FitResult {
    const { capacity } = this;
    if (this.cpuShares + demand.cpuShares > capacity.cpuShares) return EXHAUSTED_CPU;
    if (this.memoryMB + demand.memoryMB > capacity.memoryMB) return EXHAUSTED_MEMORY;
    if (this.diskMB + demand.diskMB > capacity.diskMB) return EXHAUSTED_DISK;
    if (demand.ports.length === 0) return FITS_WITHOUT_PORTS;
    this.#nodePorts ??= nodePorts(this.node);
    const ports = assignPorts(demand.ports, this.#nodePorts, this.#ports, random);
    return typeof ports === "string" ? { ok: false, dimension: ports } : { ok: true, ports };
  }

  /** Whether an allocation that already has its resources and ports fits beside what is in use: undefined, or the dimension. */
  exhaustedBy(holding: Holding): string | undefined {
    const { capacity } = this;
    if (this.cpuShares + holding.cpuShares > capacity.cpuShares) return "cpu";
    if (this.memoryMB + holding.memoryMB > capacity.memoryMB) return "memory";
    if (this.diskMB + holding.diskMB > capacity.diskMB) return "disk";
    const collision = holding.ports.find((port) => this.#ports?.has(port));
    return collision === undefined ? undefined : `network: reserved port collision ${collision}`;
  }
}
