import type { Clock } from "@steppe/shared";

/** Waits for `delayMs` or until the signal fires, and does not keep the process alive. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      timer.clear();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.after(delayMs, finish, true);
    signal.addEventListener("abort", finish, { once: true });
  });
}
