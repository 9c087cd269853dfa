import type { Timer } from "@steppe/shared";
import { parseTimestampMs, timestampNs } from "@steppe/scheduler";
import { type Change, jobKey } from "@steppe/state";
import {
  type Deployment,
  deploymentActive,
  DeploymentStatus,
  DeploymentStatusDescription,
  type Evaluation,
  EvalStatus,
  EvalTrigger,
} from "@steppe/structs";
import type { LeaderContext, LeaderLoop } from "./leader-context.js";

/** Health reports that come within this share one evaluation per deployment. */
const COALESCE_MS = 100;
const DEADLINE_CHECK_MS = 1000;

/**
 * Moves deployments on. When allocations of one become healthy or unhealthy its job is evaluated: the scheduler rolls out the next ones, or
 * finds it complete. One that makes no progress within its deadline fails.
 */
export class DeploymentWatcher implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #active = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #failing = new Set<string>();
  #flushTimer: Timer | undefined;
  #deadlineTimer: Timer | undefined;

  constructor(context: LeaderContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#active.size;
  }

  start(): void {
    const { state, clock } = this.#context;
    for (const deployment of state.scan("deployments")) {
      if (!deploymentActive(deployment)) continue;
      this.#active.add(deployment.ID);
      // Reports that the last leader did not act on are looked at once.
      if (Object.values(deployment.TaskGroups).some((group) => group.HealthyAllocs + group.UnhealthyAllocs > 0))
        this.#touch(deployment.ID);
    }
    this.#deadlineTimer = clock.every(DEADLINE_CHECK_MS, () => this.#checkDeadlines(), true);
  }

  stop(): void {
    this.#flushTimer?.clear();
    this.#deadlineTimer?.clear();
    this.#flushTimer = undefined;
    this.#deadlineTimer = undefined;
    this.#active.clear();
    this.#changed.clear();
    this.#failing.clear();
  }

  observe(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.table !== "deployments") continue;
      const { key, before, after } = change;
      if (!after || !deploymentActive(after)) {
        this.#active.delete(key);
        continue;
      }
      this.#active.add(key);
      if (before && healthChanged(before, after)) this.#touch(key);
    }
  }

  #touch(deploymentID: string): void {
    this.#changed.add(deploymentID);
    this.#flushTimer ??= this.#context.clock.after(COALESCE_MS, () => this.#flush(), true);
  }

  #flush(): void {
    this.#flushTimer = undefined;
    const evaluations: Evaluation[] = [];
    for (const id of this.#changed) {
      const deployment = this.#context.state.get("deployments", id);
      if (deployment && deploymentActive(deployment)) evaluations.push(this.#evaluation(deployment));
    }
    this.#changed.clear();
    if (evaluations.length === 0) return;
    this.#context.propose("evalUpsert", { evaluations }).catch((error: unknown) => {
      this.#context.logger.warn("deployments were not evaluated", { error: String(error) });
      // The health is in state; what is lost is only the look at it.
      if (this.#deadlineTimer) for (const { DeploymentID } of evaluations) if (DeploymentID) this.#touch(DeploymentID);
    });
  }

  #checkDeadlines(): void {
    const nowMs = this.#context.clock.nowMs();
    for (const id of this.#active) {
      const deployment = this.#context.state.get("deployments", id);
      if (!deployment || deployment.Status !== DeploymentStatus.running || this.#failing.has(id)) continue;
      if (Object.values(deployment.TaskGroups).some((group) => overdue(group, nowMs))) void this.#fail(deployment);
    }
  }

  async #fail(deployment: Deployment): Promise<void> {
    const { clock, logger, propose } = this.#context;
    this.#failing.add(deployment.ID);
    const StatusDescription = DeploymentStatusDescription.progressDeadline;
    try {
      await propose("deploymentStatusUpdate", {
        update: { DeploymentID: deployment.ID, Status: DeploymentStatus.failed, StatusDescription },
        evaluation: this.#evaluation(deployment),
        nowNs: timestampNs(clock.nowMs()),
      });
    } catch (error) {
      logger.warn("deployment could not be failed", { deploymentID: deployment.ID, error: String(error) });
    } finally {
      this.#failing.delete(deployment.ID);
    }
  }

  #evaluation(deployment: Deployment): Evaluation {
    const { state, clock, random } = this.#context;
    const job = state.get("jobs", jobKey(deployment.Namespace, deployment.JobID));
    const nowNs = timestampNs(clock.nowMs());
    return {
      ID: random.uuid(),
      Namespace: deployment.Namespace,
      Priority: deployment.EvalPriority || (job?.Priority ?? 50),
      Type: job?.Type ?? "service",
      TriggeredBy: EvalTrigger.deploymentWatcher,
      JobID: deployment.JobID,
      DeploymentID: deployment.ID,
      Status: EvalStatus.pending,
      CreateIndex: 0,
      ModifyIndex: 0,
      CreateTime: nowNs,
      ModifyTime: nowNs,
    };
  }
}

function healthChanged(before: Deployment, after: Deployment): boolean {
  return Object.entries(after.TaskGroups).some(([name, group]) => {
    const old = before.TaskGroups[name];
    return (
      old?.HealthyAllocs !== group.HealthyAllocs ||
      old.UnhealthyAllocs !== group.UnhealthyAllocs ||
      old.Promoted !== group.Promoted
    );
  });
}

function overdue(group: Deployment["TaskGroups"][string], nowMs: number): boolean {
  if (group.ProgressDeadline <= 0 || group.HealthyAllocs >= group.DesiredTotal) return false;
  const byMs = parseTimestampMs(group.RequireProgressBy);
  return byMs !== undefined && byMs > 0 && byMs <= nowMs;
}
