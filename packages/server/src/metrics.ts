import { hostname } from "node:os";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

import type { Clock } from "@steppe/shared";
import type { Registry } from "prom-client";

import type { Metrics } from "./context.js";

/** Nomad's agents aggregate over ten seconds; so do we, and the last complete interval is what is shown. */
const INTERVAL_MS = 10_000;
/** How often the event loop's punctuality is looked at. */
const PROBE_MS = 20;

type Labels = Readonly<Record<string, string>>;

/** Count, sum and extremes of what was measured under one name and set of labels. */
interface Aggregate {
  readonly name: string;
  readonly labels: Labels;
  count: number;
  sum: number;
  sumOfSquares: number;
  min: number;
  max: number;
}

interface Value {
  readonly name: string;
  readonly labels: Labels;
  value: number;
}

/** One interval's counters and samples. */
interface Interval {
  readonly startedMs: number;
  readonly counters: Map<string, Aggregate>;
  readonly samples: Map<string, Aggregate>;
}

/** Counts and measures in memory, and shows them as Nomad's JSON and as Prometheus' text. */
export class MetricsRegistry implements Metrics {
  readonly #clock: Clock;
  readonly #host: Labels = { host: hostname() };
  readonly #gauges = new Map<string, Value>();
  /** What Prometheus wants: totals since the start, of counters and of samples' sums and counts. */
  readonly #totals = new Map<string, Value>();
  readonly #collectors = new Set<() => void>();
  /** Prometheus' own view of the process; made with the first scrape, because the library takes long to load. */
  #process: Registry | undefined;
  readonly #eventLoop: IntervalHistogram;
  #eventLoopMaxMs = 0;
  #current: Interval;
  #complete: Interval | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#current = newInterval(clock.nowMs());
    this.#eventLoop = monitorEventLoopDelay({ resolution: PROBE_MS });
    this.#eventLoop.enable();
  }

  /** Called before every report: for gauges that are read off rather than kept. */
  onCollect(collector: () => void): void {
    this.#collectors.add(collector);
  }

  increment(name: string, count = 1, labels: Labels = NONE): void {
    const key = seriesKey(name, labels);
    add(this.#interval().counters, key, name, labels, count);
    this.#total(key, name, labels, count);
  }

  sample(name: string, value: number, labels: Labels = NONE): void {
    const key = seriesKey(name, labels);
    add(this.#interval().samples, key, name, labels, value);
    this.#total(`${key}_sum`, `${name}_sum`, labels, value);
    this.#total(`${key}_count`, `${name}_count`, labels, 1);
  }

  gauge(name: string, value: number, labels: Labels = NONE): void {
    const key = seriesKey(name, labels);
    const gauge = this.#gauges.get(key);
    if (gauge === undefined) this.#gauges.set(key, { name, labels, value });
    else gauge.value = value;
  }

  summary(): unknown {
    this.#collect();
    const { counters, samples, startedMs } = this.#complete ?? this.#current;
    return {
      Counters: [...counters.values()].map((aggregate) => this.#show(aggregate)),
      Gauges: [...this.#gauges.values()].map(({ name, labels, value }) => ({
        Name: name,
        Value: value,
        Labels: this.#labels(labels),
      })),
      Points: [],
      PrecisionGauges: [],
      Samples: [...samples.values()].map((aggregate) => this.#show(aggregate)),
      Timestamp: `${new Date(startedMs).toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`,
    };
  }

  async prometheus(): Promise<string> {
    this.#collect();
    const { collectDefaultMetrics, Counter, Gauge, Registry } = await import("prom-client");
    if (this.#process === undefined) collectDefaultMetrics({ register: (this.#process = new Registry()) });
    const register = new Registry();
    for (const [kind, series] of [[Gauge, this.#gauges] as const, [Counter, this.#totals] as const]) {
      for (const [name, values] of groupByName(series.values())) {
        const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(this.#labels(labels))))];
        const metric = new kind({ name, help: name, labelNames, registers: [register] });
        for (const { labels, value } of values) metric.inc(this.#labels(labels), value);
      }
    }
    return (await this.#process.metrics()) + (await register.metrics());
  }

  stop(): void {
    this.#eventLoop.disable();
  }

  #collect(): void {
    this.#interval();
    const memory = process.memoryUsage();
    this.gauge("nomad.runtime.alloc_bytes", memory.heapUsed);
    this.gauge("nomad.runtime.sys_bytes", memory.rss);
    // What is recorded is the time from one probe to the next.
    const holdMs = Math.max(0, this.#eventLoop.max / 1e6 - PROBE_MS);
    this.#eventLoopMaxMs = Math.max(this.#eventLoopMaxMs, holdMs);
    this.gauge("steppe.runtime.event_loop_hold_ms", holdMs);
    this.gauge("steppe.runtime.event_loop_hold_max_ms", this.#eventLoopMaxMs);
    this.#eventLoop.reset();
    for (const collector of this.#collectors) collector();
  }

  #interval(): Interval {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#current.startedMs >= INTERVAL_MS) {
      this.#complete = this.#current;
      this.#current = newInterval(nowMs);
    }
    return this.#current;
  }

  #total(key: string, name: string, labels: Labels, value: number): void {
    const total = this.#totals.get(key);
    if (total === undefined) this.#totals.set(key, { name, labels, value });
    else total.value += value;
  }

  #labels(labels: Labels): Labels {
    return { ...this.#host, ...labels };
  }

  #show({ name, labels, count, sum, sumOfSquares, min, max }: Aggregate): unknown {
    const mean = sum / count;
    const variance = count > 1 ? Math.max(0, (sumOfSquares - sum * mean) / (count - 1)) : 0;
    return {
      Name: name,
      Count: count,
      Rate: sum / (INTERVAL_MS / 1000),
      Sum: sum,
      Min: min,
      Max: max,
      Mean: mean,
      Stddev: Math.sqrt(variance),
      Labels: this.#labels(labels),
    };
  }
}

const NONE: Labels = {};

function seriesKey(name: string, labels: Labels): string {
  if (labels === NONE) return name;
  return `${name}|${Object.keys(labels)
    .sort()
    .map((label) => `${label}=${labels[label]}`)
    .join("|")}`;
}

/** Prometheus' names have no dots, and all series of a name are one metric. */
function groupByName(series: Iterable<Value>): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of series) {
    const name = value.name.replace(/[^a-zA-Z0-9_]/g, "_");
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [value]);
    else group.push(value);
  }
  return groups;
}

function newInterval(startedMs: number): Interval {
  return { startedMs, counters: new Map(), samples: new Map() };
}

function add(aggregates: Map<string, Aggregate>, key: string, name: string, labels: Labels, value: number): void {
  const aggregate = aggregates.get(key);
  if (aggregate === undefined) {
    aggregates.set(key, { name, labels, count: 1, sum: value, sumOfSquares: value * value, min: value, max: value });
    return;
  }
  aggregate.count++;
  aggregate.sum += value;
  aggregate.sumOfSquares += value * value;
  if (value < aggregate.min) aggregate.min = value;
  if (value > aggregate.max) aggregate.max = value;
}
