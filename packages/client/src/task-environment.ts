import type { Allocation, NetworkResource, Node, Task, TaskGroup } from "@steppe/structs";

/** The directories of one task. */
export interface TaskDirectories {
  /** Shared by all tasks of the allocation: NOMAD_ALLOC_DIR. */
  shared: string;
  task: string;
  local: string;
  secrets: string;
  tmp: string;
}

/** Variables of the agent's own environment that tasks never see: they hold credentials of the agent. */
const DENIED_HOST_VARIABLES = new Set([
  "CONSUL_TOKEN",
  "CONSUL_HTTP_TOKEN",
  "NOMAD_TOKEN",
  "STEPPE_TOKEN",
  "VAULT_TOKEN",
  "NOMAD_LICENSE",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "GOOGLE_APPLICATION_CREDENTIALS",
  "GITHUB_TOKEN",
]);

/** What a task sees of its surroundings, and what `${...}` in its job stands for. */
export class TaskEnvironment {
  readonly #build: () => Readonly<Record<string, string>>;
  readonly #attributes: ReadonlyMap<string, string>;
  #variables: Readonly<Record<string, string>> | undefined;

  /** `build` makes the variables when they are first asked for: drivers without processes never do. */
  constructor(build: () => Readonly<Record<string, string>>, attributes: ReadonlyMap<string, string>) {
    this.#build = build;
    this.#attributes = attributes;
  }

  /** The task's environment variables, the host's included where the driver passes them on. */
  get variables(): Readonly<Record<string, string>> {
    return (this.#variables ??= this.#build());
  }

  /** Replaces every `${name}` that is known, and leaves the others as they are. */
  interpolate(text: string): string {
    if (!text.includes("${")) return text;
    return text.replace(/\$\{\s*([^{}]+?)\s*\}/g, (whole, name: string) => this.#lookUp(name) ?? whole);
  }

  /** Interpolates every text inside of a JSON value; keys too, as Nomad's drivers do. */
  interpolateValue(value: unknown): unknown {
    if (typeof value === "string") return this.interpolate(value);
    if (Array.isArray(value)) return value.map((item) => this.interpolateValue(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.interpolate(key), this.interpolateValue(item)]),
    );
  }

  #lookUp(name: string): string | undefined {
    const quoted = /^env\["(.+)"\]$/.exec(name)?.[1];
    return this.variables[quoted ?? name] ?? this.#attributes.get(name);
  }
}

export interface EnvironmentOptions {
  allocation: Allocation;
  group: TaskGroup;
  task: Task;
  node: Node;
  region: string;
  directories: TaskDirectories;
  /** The agent's own environment, or empty. */
  hostVariables: Readonly<Record<string, string | undefined>>;
}

/** Builds a task's environment. */
export function taskEnvironment(options: EnvironmentOptions): TaskEnvironment {
  const attributes = nodeAttributes(options.node, options.region);
  return new TaskEnvironment(() => taskVariables(options, attributes), attributes);
}

function taskVariables(options: EnvironmentOptions, attributes: ReadonlyMap<string, string>): Record<string, string> {
  const { allocation, group, task, node, region, directories, hostVariables } = options;
  const meta = { ...allocation.Job.Meta, ...group.Meta, ...task.Meta };
  const own: Record<string, string> = {
    ...identityVariables(allocation, task, node, region),
    ...directoryVariables(directories),
    ...resourceVariables(allocation, task),
    ...portVariables(allocation, task),
  };
  const plain = new TaskEnvironment(() => own, attributes);
  for (const [key, value] of Object.entries(meta)) {
    const text = plain.interpolate(value);
    own[`NOMAD_META_${key}`] = text;
    own[`NOMAD_META_${key.toUpperCase()}`] = text;
  }
  const variables: Record<string, string> = {};
  for (const [key, value] of Object.entries(hostVariables)) {
    if (value !== undefined && !DENIED_HOST_VARIABLES.has(key)) variables[key] = value;
  }
  Object.assign(variables, own);
  // What a task's own variables refer to is what it would see without them.
  const inherited = { ...variables };
  const resolver = new TaskEnvironment(() => inherited, attributes);
  for (const [key, value] of Object.entries(task.Env ?? {})) {
    variables[resolver.interpolate(key)] = resolver.interpolate(value);
  }
  return cleanNames(variables);
}

/** Shells drop variables whose names they cannot spell: everything else becomes an underscore. */
function cleanNames(variables: Record<string, string>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    clean[name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=[0-9])/, "_")] = value;
  }
  return clean;
}

/** Rows are immutable and an agent has one region: the same node always means the same. */
const attributesOfNodes = new WeakMap<Node, ReadonlyMap<string, string>>();

/** `${node.*}`, `${attr.*}` and `${meta.*}`. */
function nodeAttributes(node: Node, region: string): ReadonlyMap<string, string> {
  const known = attributesOfNodes.get(node);
  if (known) return known;
  const values = new Map<string, string>([
    ["node.unique.id", node.ID],
    ["node.unique.name", node.Name],
    ["node.datacenter", node.Datacenter],
    ["node.region", region],
    ["node.class", node.NodeClass],
    ["node.pool", node.NodePool],
  ]);
  for (const [key, value] of Object.entries(node.Attributes)) values.set(`attr.${key}`, value);
  for (const [key, value] of Object.entries(node.Meta)) values.set(`meta.${key}`, value);
  attributesOfNodes.set(node, values);
  return values;
}

function identityVariables(allocation: Allocation, task: Task, node: Node, region: string): Record<string, string> {
  const { Job: job } = allocation;
  return {
    NOMAD_ALLOC_ID: allocation.ID,
    NOMAD_SHORT_ALLOC_ID: allocation.ID.slice(0, 8),
    NOMAD_ALLOC_NAME: allocation.Name,
    NOMAD_ALLOC_INDEX: /\[(\d+)\]$/.exec(allocation.Name)?.[1] ?? "0",
    NOMAD_GROUP_NAME: allocation.TaskGroup,
    NOMAD_TASK_NAME: task.Name,
    NOMAD_JOB_ID: allocation.JobID,
    NOMAD_JOB_NAME: job.Name,
    ...(job.ParentID !== "" && { NOMAD_JOB_PARENT_ID: job.ParentID }),
    NOMAD_NAMESPACE: allocation.Namespace,
    NOMAD_DC: node.Datacenter,
    NOMAD_REGION: region,
  };
}

function directoryVariables(directories: TaskDirectories): Record<string, string> {
  return {
    NOMAD_ALLOC_DIR: directories.shared,
    NOMAD_TASK_DIR: directories.local,
    NOMAD_SECRETS_DIR: directories.secrets,
  };
}

function resourceVariables(allocation: Allocation, task: Task): Record<string, string> {
  const resources = allocation.AllocatedResources.Tasks?.[task.Name];
  if (!resources) return {};
  const { MemoryMB: memoryMB, MemoryMaxMB: memoryMaxMB } = resources.Memory;
  const cores = resources.Cpu.ReservedCores ?? [];
  return {
    NOMAD_CPU_LIMIT: String(resources.Cpu.CpuShares),
    ...(cores.length > 0 && { NOMAD_CPU_CORES: cores.join(",") }),
    NOMAD_MEMORY_LIMIT: String(memoryMB),
    ...(memoryMaxMB > 0 && { NOMAD_MEMORY_MAX_LIMIT: String(memoryMaxMB) }),
  };
}

/** NOMAD_{IP,PORT,ADDR}_label for the group's ports, and with the task's name before the label for ports of tasks. */
function portVariables(allocation: Allocation, task: Task): Record<string, string> {
  const variables: Record<string, string> = {};
  const add = (label: string, ip: string, hostPort: number, to: number | undefined): void => {
    const port = to !== undefined && to > 0 ? to : hostPort;
    variables[`NOMAD_IP_${label}`] = ip;
    variables[`NOMAD_PORT_${label}`] = String(port);
    variables[`NOMAD_ADDR_${label}`] = joinHostPort(ip, port);
    variables[`NOMAD_HOST_IP_${label}`] = ip;
    variables[`NOMAD_HOST_PORT_${label}`] = String(hostPort);
    variables[`NOMAD_HOST_ADDR_${label}`] = joinHostPort(ip, hostPort);
  };
  const { Tasks: tasks, Shared: shared } = allocation.AllocatedResources;
  for (const [name, resources] of Object.entries(tasks ?? {})) {
    for (const network of resources.Networks ?? []) {
      for (const port of networkPorts(network)) {
        add(`${name}_${port.Label}`, network.IP ?? "", port.Value ?? 0, port.To);
        if (name === task.Name) add(port.Label, network.IP ?? "", port.Value ?? 0, port.To);
      }
    }
  }
  for (const port of shared.Ports ?? []) add(port.Label, port.HostIP, port.Value, port.To);
  return variables;
}

function networkPorts(network: NetworkResource): NonNullable<NetworkResource["DynamicPorts"]> {
  return [...(network.ReservedPorts ?? []), ...(network.DynamicPorts ?? [])];
}

function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
