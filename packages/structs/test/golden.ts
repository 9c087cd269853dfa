import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "@jest/globals";

/** Recordings of a real agent live beside the repository and are not part of it. */
const SHARED = fileURLToPath(new URL("../../../../shared/", import.meta.url));

export interface Recording {
  request: { method: string; url: string; body?: unknown };
  status: number;
  headers: Record<string, string>;
  body: string;
}

export const golden = (name: string): Recording =>
  JSON.parse(readFileSync(`${SHARED}golden/${name}.json`, "utf8")) as Recording;

export const sharedPath = (path: string): string => SHARED + path;

/** `test`, or a skipped one that says why where the recordings are not there. */
export function goldenTest(name: string, fn: () => void): void {
  if (existsSync(`${SHARED}golden`)) test(name, fn);
  else test.skip(`${name} (skipped: no recordings at ../shared)`, fn);
}

/** The jobs of the recorded event stream, as they were when registered. */
export function registeredJobs(): Record<string, unknown>[] {
  return golden("events")
    .body.split("\n")
    .filter((line) => line.startsWith('{"Index"'))
    .flatMap((line) => (JSON.parse(line) as { Events: { Payload: { Job: Record<string, unknown> } }[] }).Events)
    .map((event) => event.Payload.Job);
}
