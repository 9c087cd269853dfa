import { must } from "@steppe/shared";
import { allocClientUpdate, allocDesiredTransition } from "./allocations.js";
import type { Command } from "./command.js";
import { deploymentAllocHealth, deploymentDelete, deploymentPromote, deploymentStatusUpdate } from "./deployments.js";
import { evalDelete, evalUpsert } from "./evaluations.js";
import { jobStability, jobVersionTag } from "./job-versions.js";
import { jobDeregister, jobRegister, jobsGarbageCollect } from "./jobs.js";
import { namespaceDelete, namespaceUpsert, nodePoolDelete, nodePoolUpsert } from "./namespaces.js";
import { nodeDelete, nodeDrain, nodeEligibility, nodeRegister, nodeStatusUpdate } from "./nodes.js";
import { metaSet, noop, reconcileSummaries, schedulerConfigSet } from "./operator.js";
import { planApply } from "./plans.js";
import { restoreAbandon, restoreSnapshot, restoreStage } from "./restore.js";

/** Every command by its name. Applying is a look-up by id; ids are append-only. */
export const commands = {
  jobRegister,
  jobDeregister,
  nodeRegister,
  nodeStatusUpdate,
  nodeEligibility,
  nodeDrain,
  nodeDelete,
  allocClientUpdate,
  evalUpsert,
  evalDelete,
  planApply,
  deploymentStatusUpdate,
  deploymentAllocHealth,
  jobStability,
  allocDesiredTransition,
  reconcileSummaries,
  jobsGarbageCollect,
  deploymentDelete,
  schedulerConfigSet,
  noop,
  deploymentPromote,
  namespaceUpsert,
  namespaceDelete,
  nodePoolUpsert,
  nodePoolDelete,
  jobVersionTag,
  metaSet,
  restoreStage,
  restoreSnapshot,
  restoreAbandon,
} as const;

export type CommandName = keyof typeof commands;
export type PayloadOf<N extends CommandName> =
  (typeof commands)[N] extends Command<infer Payload, infer _> ? Payload : never;
export type ResultOf<N extends CommandName> =
  (typeof commands)[N] extends Command<infer _, infer Result> ? Result : never;

type AnyCommand = Command<unknown, unknown> & { readonly name: string };

const byId = new Map<number, AnyCommand>(
  Object.entries(commands).map(([name, definition]) => [
    definition.id,
    { ...(definition as Command<unknown, unknown>), name },
  ]),
);

/** Throws `InvariantError` for an unknown id: this server is older than the leader that wrote the entry. */
export const commandById = (id: number): AnyCommand =>
  must(byId.get(id), `Command ${id} is unknown: this server is older than its leader.`);
