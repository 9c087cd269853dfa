import { readFileSync } from "node:fs";

/** The Nomad whose API this is: constraints on `${attr.nomad.version}` in people's job files go by it. */
export const NOMAD_VERSION = "1.10.5";

let cached: string | undefined;

/** The version of the package that this code came with. */
export function version(): string {
  cached ??= (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string })
    .version;
  return cached;
}
