// Starts agents as child processes, waits for them, and ends only what it started.
import { spawn } from "node:child_process";

import { steppe } from "./prepare.mjs";

const children = new Set();

/** Starts `steppe ...args`; `onExit(code)` is called when it ends by itself. */
export function startAgent(args, { stdio = "inherit", onExit } = {}) {
  const child = spawn(process.execPath, [steppe, ...args], { stdio });
  children.add(child);
  child.on("exit", (code) => {
    children.delete(child);
    onExit?.(code);
  });
  return child;
}

/** Ends all that were started, by SIGTERM, and waits until they are gone. */
export async function stopAgents() {
  const running = [...children];
  await Promise.all(
    running.map(
      (child) =>
        new Promise((resolve) => {
          child.once("exit", resolve);
          child.kill("SIGTERM");
          setTimeout(() => child.kill("SIGKILL"), 15_000).unref();
        }),
    ),
  );
}

/** Ends everything at Ctrl-C or SIGTERM, then this process. */
export function stopOnSignals(say) {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      say?.();
      void stopAgents().then(() => process.exit(0));
    });
  }
  return () => stopping;
}

/** One JSON request; throws with the answer's text where it is no success. */
export async function request(address, path, { method = "GET", body, timeoutMs = 10_000 } = {}) {
  const response = await fetch(`http://${address}${path}`, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** Tries until `check` gives something; undefined when the time is over. */
export async function waitFor(check, timeoutMs, intervalMs = 50) {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const value = await check().catch(() => undefined);
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  return undefined;
}
