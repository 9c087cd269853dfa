import {
  type Allocation,
  allocJobKey,
  createKey,
  type Deployment,
  type Evaluation,
  type Job,
  jobKey,
  type JobSubmission,
  type JobSummary,
  type MetaRow,
  type Namespace,
  type Node,
  type NodePool,
  type RestorePart,
  restorePartKey,
  SCHEDULER_CONFIG_KEY,
  type SchedulerConfig,
  versionKey,
} from "./rows.js";

/** How rows are found by something other than their key. */
export interface IndexSpec<Row> {
  /** The value that the row is found by; undefined leaves the row out. Must not change with anything but the row. */
  readonly value: (row: Row) => string | undefined;
  /** No two rows have the same value. */
  readonly unique?: boolean;
  /** A row keeps its value for as long as it exists. */
  readonly fixed?: boolean;
}

/** A table, as data. Everything else (indexes, watch keys, persistence, snapshots, hashing) is generic over this. */
export interface TableSpec<Row, Indexes extends string = string> {
  readonly name: string;
  /** The primary key; parts are joined with NUL, which no part contains. */
  readonly key: (row: Row) => string;
  readonly indexes: Readonly<Record<Indexes, IndexSpec<Row>>>;
  /** Whether a write sets the row's CreateIndex and ModifyIndex. */
  readonly stamped: boolean;
  /** The row as it is written to disk, into snapshots and into the hash; the row itself unless told. */
  readonly persisted?: (row: Row) => unknown;
}

const table = <Row, Indexes extends string = never>(
  name: string,
  key: (row: Row) => string,
  indexes: Record<Indexes, IndexSpec<Row>>,
  options: { stamped?: boolean; persisted?: (row: Row) => unknown } = {},
): TableSpec<Row, Indexes> => ({ name, key, indexes, stamped: true, ...options });

const byJob = { value: (row: { Namespace: string; JobID: string }) => jobKey(row.Namespace, row.JobID), fixed: true };
const byCreate = { value: createKey, unique: true, fixed: true };

/**
 * An allocation's job is a reference to the row of its version in memory; on disk it is the two numbers that find that row again.
 * It takes the place of the job, so that the order of keys is the same after a restart.
 */
const allocationWithoutJob = (row: Allocation): unknown => ({
  ...row,
  Job: { CreateIndex: row.Job.CreateIndex, Version: row.Job.Version },
});

export const tables = {
  jobs: table("jobs", (row: Job) => jobKey(row.Namespace, row.ID), {
    byParent: { value: (row: Job) => (row.ParentID ? jobKey(row.Namespace, row.ParentID) : undefined) },
  }),
  /** Superseded versions; the current one lives in `jobs`. */
  jobVersions: table(
    "jobVersions",
    (row: Job) => versionKey(row.Namespace, row.ID, row.Version),
    {},
    { stamped: false },
  ),
  jobSummaries: table("jobSummaries", (row: JobSummary) => jobKey(row.Namespace, row.JobID), {}),
  jobSubmissions: table(
    "jobSubmissions",
    (row: JobSubmission) => versionKey(row.Namespace, row.JobID, row.Version),
    {},
    { stamped: false },
  ),
  /** Versions that are gone from `jobs` and `jobVersions` while allocations still refer to them. */
  allocJobs: table("allocJobs", (row: Job) => allocJobKey(row), {}, { stamped: false }),
  nodes: table("nodes", (row: Node) => row.ID, { byPool: { value: (row: Node) => row.NodePool } }),
  allocations: table(
    "allocations",
    (row: Allocation) => row.ID,
    {
      byJob,
      byNode: { value: (row: Allocation) => row.NodeID, fixed: true },
      byEval: { value: (row: Allocation) => row.EvalID },
      byDeployment: { value: (row: Allocation) => row.DeploymentID || undefined },
      byCreate,
    },
    { persisted: allocationWithoutJob },
  ),
  evaluations: table("evaluations", (row: Evaluation) => row.ID, { byJob, byCreate }),
  deployments: table("deployments", (row: Deployment) => row.ID, { byJob, byCreate }),
  namespaces: table("namespaces", (row: Namespace) => row.Name, {}),
  nodePools: table("nodePools", (row: NodePool) => row.Name, {}),
  schedulerConfig: table("schedulerConfig", (_: SchedulerConfig) => SCHEDULER_CONFIG_KEY, {}),
  /** Parts of a snapshot that is being restored; empty at other times. */
  restoreParts: table(
    "restoreParts",
    (row: RestorePart) => restorePartKey(row.RestoreID, row.Number),
    {},
    { stamped: false },
  ),
  meta: table("meta", (row: MetaRow) => row.Key, {}),
} as const;

export type TableName = keyof typeof tables;
export type RowOf<T extends TableName> = (typeof tables)[T] extends TableSpec<infer Row, never> ? Row : never;
export type IndexOf<T extends TableName> = Extract<keyof (typeof tables)[T]["indexes"], string>;

/** All tables in the order of their names' declaration: rows that others refer to come first. */
export const tableNames = Object.keys(tables) as readonly TableName[];
