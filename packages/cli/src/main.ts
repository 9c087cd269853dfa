import { agentHelp, runAgent } from "./agent-command.js";
import { version } from "./version.js";

const HELP = `Usage: steppe COMMAND [flags]

  agent      starts an agent: a server, a client (node agent), or both
  version    prints the version

\`steppe COMMAND -help\` tells more about a command.
`;

async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  const wantsHelp = args.some((arg) => /^--?h(elp)?$/.test(arg));
  switch (command?.replace(/^-{1,2}/, "")) {
    case "agent":
      if (wantsHelp) return print(agentHelp());
      return runAgent(args);
    case "version":
    case "v":
      return print(`Steppe v${version()}\n`);
    case undefined:
    case "help":
    case "h":
      return print(HELP);
    default:
      process.stderr.write(`steppe: unknown command "${command}"; \`steppe help\` lists them.\n`);
      return 1;
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // One clear line for the user; the stack of a bug only where somebody asks for it.
  const unknownFlag = (error as { code?: unknown }).code === "ERR_PARSE_ARGS_UNKNOWN_OPTION";
  const next = unknownFlag ? "; `steppe agent -help` lists the flags" : "";
  process.stderr.write(`steppe: ${error instanceof Error ? error.message : String(error)}${next}\n`);
  if (process.env["STEPPE_DEBUG"] !== undefined && error instanceof Error)
    process.stderr.write(`${error.stack ?? ""}\n`);
  process.exitCode = 1;
}
