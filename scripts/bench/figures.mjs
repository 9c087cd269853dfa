// What is measured: each figure's words, its unit, what a real Nomad gives on the same kind of machine (2 cores) and the
// target. The reports print figures in this order. `lower` marks figures where less is better.

/**
 * @typedef {{ section: string, label: string, unit: string, nomad?: number, target?: number, lower?: boolean }} Figure
 * @type {Record<string, Figure>}
 */
export const FIGURES = {};

function section(title, rows) {
  for (const [id, label, unit, nomad, target, lower = false] of rows)
    FIGURES[id] = { section: title, label, unit, nomad, target, lower };
}

section("Reads of one job, 3 servers, 64 connections (anchor: bare node:http, same body)", [
  ["read.leader", "leader, default", "/s", 23_700, 30_000],
  ["read.stale", "follower, stale", "/s", 21_500, 30_000],
  ["read.forwarded", "follower, forwarded to the leader", "/s", 7_000, 12_000],
  ["read.consistent", "follower, consistent", "/s", 7_800, 20_000],
  ["read.region", "from another region, 32 connections", "/s", 7_500, 7_500],
]);

const listed = [
  [100, undefined, undefined, undefined, undefined],
  [1_000, 422, 3_000, 233, 8_000],
  [10_000, 21, 250, 13, 3_000],
];
section(
  "Lists, leader, 16 connections (anchor: bare node:http, same body)",
  listed.flatMap(([jobs, nomadPlain, plain, nomadGzip, gzip]) => {
    const name = jobs.toLocaleString("en-US");
    const share = jobs === 1_000 ? 2 : 4;
    const written =
      jobs === 100
        ? []
        : [
            [
              `list.${jobs}.plain.written`,
              `${name} jobs, 10 written a second`,
              "/s",
              undefined,
              plain && plain / share,
            ],
            [
              `list.${jobs}.gzip.written`,
              `${name} jobs, 10 written a second, gzip`,
              "/s",
              undefined,
              gzip && gzip / share,
            ],
            [`list.${jobs}.hold`, "  longest hold of the event loop", "ms", undefined, 50, true],
          ];
    return [
      [`list.${jobs}.plain`, `${name} jobs`, "/s", nomadPlain, plain],
      [`list.${jobs}.gzip`, `${name} jobs, gzip`, "/s", nomadGzip, gzip],
      ...written,
    ];
  }),
);
section("Pages and filters over 10,000 jobs, leader", [
  ["pages", "walk by pages of 100, 1 connection", "ms", 800, 250, true],
  ["filter.new", "regular expression, each one new, 16 c.", "/s", 58, 150],
  ["filter.repeated", "the same again, jobs unchanged, 16 c.", "/s", 58, 1_000],
]);
section("Job registrations (anchor: bare synced LevelDB appends, as many writers)", [
  ...[1, 16, 64, 256].map((writers) => [
    `register.1.${writers}`,
    `1 server, ${writers} writer${writers === 1 ? "" : "s"}`,
    "/s",
  ]),
  ["register.3.1", "3 servers, 1 writer", "/s", 254, 500],
  ["register.3.16", "3 servers, 16 writers", "/s", 764, 2_000],
  ["register.3.64", "3 servers, 64 writers", "/s", 1_231, 3_000],
  ["register.3.256", "3 servers, 256 writers", "/s", 1_188, 3_500],
  ["register.evaluated", "evaluations done after the last answer", "ms", 21_000, 1_000, true],
]);
section("Blocking queries: one write wakes all (anchor: bare node:http, as many)", [
  ["watch.list.1000", "1,000 watchers of the list, last answer", "ms", undefined, undefined, true],
  ["watch.list.5000", "5,000 watchers of the list, last answer", "ms", 340, 200, true],
  ["watch.job.1000", "1,000 watchers of one job, last answer", "ms", undefined, undefined, true],
  ["watch.job.5000", "5,000 watchers of one job, last answer", "ms", 225, 150, true],
  ["watch.other", "woken by a write to another job", "", 0, 0, true],
]);
section("kill -9 of the leader of 3 servers, default settings", [
  ["failover.median", "no write answered for, median", "ms", 3_165, 600, true],
  ["failover.worst", "no write answered for, worst", "ms", 3_501, 1_000, true],
  ["failover.stale", "stale reads that failed meanwhile", "", undefined, 0, true],
]);
section("Start-up and footprint (anchor: a bare node:http process)", [
  ["start.fresh", "start to first write, fresh", "ms", 1_900, 700, true],
  ["start.10000", "start to first write, with 10,000 jobs", "ms", 6_000, 1_500, true],
  ["memory.idle", "memory, leader of 3, idle", "MiB", 85, 120, true],
  ["memory.10000", "memory, leader of 3, 10,000 jobs", "MiB", 810, 280, true],
  ["cpu.10000", "idle CPU with 10,000 jobs, of one core", "%", 35, 3, true],
]);
