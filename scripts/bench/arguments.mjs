// The command line of `npm run bench`.
import { parseArgs } from "node:util";

export const USAGE = `Usage: npm run bench -- [options]

  --only NAME[,NAME]   only these: reads, lists, registrations, watchers, failover, start
  --quick              small sizes and one repetition: a check that all works, not a measurement
  --addr URL[,URL]     measure running agents of the same API instead of starting some; what needs
                       processes of its own (failover, start) is left out
  --region NAME        with --addr: the region to read from the first address, forwarded
  --write              write docs/benchmarks.md (and .json beside it, where a later --only finds the rest)
  --base-port N        first port of the clusters it starts (default 24600)
  --help

wrk is used for plain GETs where it is installed; BENCH_ENGINE=node takes the built-in client instead.
BENCH_AGENT=FILE starts that script (as FILE agent -config=...) instead of this checkout's.`;

const FULL = {
  seconds: 4,
  anchorSeconds: 2,
  repetitions: 3,
  registrations: 2000,
  writers: [1, 16, 64, 256],
  lists: [100, 1000, 10_000],
  watchers: [1000, 5000],
  failovers: 10,
  starts: 3,
  jobs: 10_000,
  idleSeconds: 10,
};
const QUICK = {
  ...FULL,
  seconds: 1,
  anchorSeconds: 1,
  repetitions: 1,
  registrations: 200,
  lists: [100, 1000],
  watchers: [1000],
  failovers: 2,
  starts: 1,
  jobs: 1000,
  idleSeconds: 3,
};

/** @returns what to do; ends the process where the command line is wrong */
export function readArguments(argv, names) {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const options = { only: text, addr: text, region: text, "base-port": text, quick: flag, write: flag, help: flag };
  let values;
  try {
    ({ values } = parseArgs({ args: argv, options, strict: true }));
  } catch (error) {
    return fail(error.message);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const only = values.only?.split(",") ?? names;
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) return fail(`There is no measurement "${unknown}": ${names.join(", ")}.`);
  const basePort = Number(values["base-port"] ?? 24600);
  if (!Number.isInteger(basePort) || basePort < 1024 || basePort > 65_000) return fail("--base-port wants a port.");
  if (values.quick && values.write) return fail("--quick takes no measurements that are worth writing down.");
  if (values.addr !== undefined && values.write) return fail("--write is for the agents of this checkout.");
  const addresses = values.addr?.split(",").map((address) => address.replace(/\/$/, ""));
  const wrong = addresses?.find((address) => !/^http:\/\/[^/]+$/.test(address));
  if (wrong !== undefined) return fail(`"${wrong}" is no address such as http://127.0.0.1:4646.`);
  return {
    only,
    addresses,
    region: values.region,
    write: values.write,
    quick: values.quick,
    basePort,
    sizes: values.quick ? QUICK : FULL,
  };
}

function fail(message) {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}
