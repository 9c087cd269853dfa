import type { Change } from "@steppe/state";
import { type Evaluation, EvalStatus } from "@steppe/structs";
import { BlockedEvaluations } from "./blocked-evaluations.js";
import { DeploymentWatcher } from "./deployment-watcher.js";
import { Drainer } from "./drainer.js";
import { EvaluationBroker } from "./evaluation-broker.js";
import { EvaluationWorker } from "./evaluation-worker.js";
import { GarbageCollector, type GarbageThresholds } from "./garbage-collector.js";
import { Heartbeats } from "./heartbeats.js";
import type { LeaderContext, LeaderLoop } from "./leader-context.js";
import { PlanApplier } from "./plan-applier.js";

export interface LeaderOptions {
  readonly failoverHeartbeatTTLMs?: number;
  readonly garbage?: Partial<GarbageThresholds>;
}

/**
 * All that only the leader does. `start` when this server has become leader and has applied everything up to its own term; `stop` when it
 * leads no more. What they know is rebuilt from state each time and followed entry by entry from then on.
 */
export class LeaderLoops implements LeaderLoop {
  readonly broker: EvaluationBroker;
  readonly blocked: BlockedEvaluations;
  readonly heartbeats: Heartbeats;
  readonly deploymentWatcher: DeploymentWatcher;
  readonly drainer: Drainer;
  readonly garbageCollector: GarbageCollector;
  readonly #context: LeaderContext;
  readonly #applier: PlanApplier;
  readonly #worker: EvaluationWorker;
  #unsubscribe: (() => void)[] = [];

  constructor(context: LeaderContext, options: LeaderOptions = {}) {
    this.#context = context;
    this.broker = new EvaluationBroker(context.clock, () => this.#worker.notify());
    this.#applier = new PlanApplier(context);
    this.#worker = new EvaluationWorker(context, this.broker, this.#applier);
    this.blocked = new BlockedEvaluations(context, this.broker);
    this.heartbeats = new Heartbeats(
      context,
      options.failoverHeartbeatTTLMs === undefined ? {} : { failoverTTLMs: options.failoverHeartbeatTTLMs },
    );
    this.deploymentWatcher = new DeploymentWatcher(context);
    this.drainer = new Drainer(context);
    this.garbageCollector = new GarbageCollector(context, options.garbage);
  }

  get running(): boolean {
    return this.#unsubscribe.length > 0;
  }

  start(): void {
    if (this.running) return;
    const { state } = this.#context;
    this.#unsubscribe = [
      state.subscribe((changes, index) => this.#observe(changes, index)),
      state.onRestore(() => this.#restart()),
    ];
    this.#applier.reset();
    this.#worker.start();
    for (const evaluation of state.scan("evaluations")) this.#enqueue(evaluation);
    for (const loop of this.#loops()) loop.start();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#worker.stop();
    this.#applier.reset();
    this.broker.clear();
    for (const loop of this.#loops()) loop.stop();
  }

  #restart(): void {
    this.stop();
    this.start();
  }

  #loops(): LeaderLoop[] {
    return [this.blocked, this.heartbeats, this.deploymentWatcher, this.drainer, this.garbageCollector];
  }

  #observe(changes: readonly Change[], index: number): void {
    for (const change of changes) {
      if (change.table === "evaluations" && change.after) this.#enqueue(change.after);
    }
    this.blocked.observe(changes, index);
    this.heartbeats.observe(changes);
    this.deploymentWatcher.observe(changes);
    this.drainer.observe(changes);
  }

  #enqueue(evaluation: Evaluation): void {
    if (evaluation.Status === EvalStatus.pending) this.broker.enqueue(evaluation);
  }
}
