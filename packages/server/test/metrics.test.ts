import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "@steppe/shared";

import { MetricsRegistry } from "../src/metrics.js";

let metrics: MetricsRegistry | undefined;
afterEach(() => metrics?.stop());

interface Summary {
  Counters: { Name: string; Count: number; Sum: number; Labels: Record<string, string> }[];
  Samples: { Name: string; Count: number; Mean: number; Max: number }[];
  Gauges: { Name: string; Value: number }[];
}

test("an interval's counts are shown until the next interval is complete", () => {
  let nowMs = 0;
  metrics = new MetricsRegistry({ ...systemClock, nowMs: () => nowMs });
  metrics.increment("nomad.x", 2, { kind: "a" });
  metrics.increment("nomad.x", 3, { kind: "a" });
  metrics.sample("nomad.y", 1);
  metrics.sample("nomad.y", 3);
  metrics.gauge("nomad.z", 7);
  nowMs = 10_000;
  const summary = metrics.summary() as Summary;
  expect(summary.Counters).toMatchObject([{ Name: "nomad.x", Count: 2, Sum: 5, Labels: { kind: "a" } }]);
  expect(summary.Samples).toMatchObject([{ Name: "nomad.y", Count: 2, Mean: 2, Max: 3 }]);
  expect(summary.Gauges).toContainEqual(expect.objectContaining({ Name: "nomad.z", Value: 7 }));
});

test("Prometheus gets totals since the start, with one metric for all label sets of a name", async () => {
  metrics = new MetricsRegistry(systemClock);
  metrics.increment("nomad.x", 2, { kind: "a" });
  metrics.increment("nomad.x", 1, { other: "b" });
  metrics.sample("nomad.y", 1.5);
  const text = await metrics.prometheus();
  expect(text).toMatch(/^nomad_x\{host="[^"]+",kind="a"\} 2$/m);
  expect(text).toMatch(/^nomad_x\{host="[^"]+",other="b"\} 1$/m);
  expect(text).toMatch(/^nomad_y_sum\{host="[^"]+"\} 1.5$/m);
  expect(text).toMatch(/^nomad_y_count\{host="[^"]+"\} 1$/m);
  expect(text).toContain("process_resident_memory_bytes");
});
