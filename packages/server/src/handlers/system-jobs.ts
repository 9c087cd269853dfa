import { jobKey, type StateStore } from "@steppe/state";
import { type Job, JobType } from "@steppe/structs";

const known = new WeakMap<StateStore, SystemJobs>();

/**
 * The keys of the jobs that run on every node. Kept beside the state, because they are asked for whenever a node comes or
 * goes, and there may be very many other jobs.
 */
export class SystemJobs {
  readonly #state: StateStore;
  readonly #keys = new Set<string>();

  private constructor(state: StateStore) {
    this.#state = state;
    this.#rebuild();
    state.onRestore(() => this.#rebuild());
    state.subscribe((changes) => {
      for (const { table, before, after } of changes) {
        if (table !== "jobs") continue;
        const job = (after ?? before) as Job;
        if (after && isSystem(job)) this.#keys.add(jobKey(job.Namespace, job.ID));
        else this.#keys.delete(jobKey(job.Namespace, job.ID));
      }
    });
  }

  /** Those of this state; made at the first call. */
  static of(state: StateStore): SystemJobs {
    let jobs = known.get(state);
    if (!jobs) known.set(state, (jobs = new SystemJobs(state)));
    return jobs;
  }

  /** Keys of table `jobs`. */
  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  #rebuild(): void {
    this.#keys.clear();
    for (const job of this.#state.scan("jobs")) {
      if (isSystem(job)) this.#keys.add(jobKey(job.Namespace, job.ID));
    }
  }
}

const isSystem = (job: Job): boolean => (job.Type === JobType.system || job.Type === JobType.sysbatch) && !job.Stop;
