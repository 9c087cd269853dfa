/** A timer that has been set; `clear` is idempotent. */
export interface Timer {
  clear(): void;
}

/**
 * The only source of time outside of the entry points. The simulator has the second implementation.
 * Wall-clock time may jump; durations are measured with `monotonicMs`.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`; `background` timers do not keep the process alive. */
  after(delayMs: number, fn: () => void, background?: boolean): Timer;
  /** Calls `fn` every `intervalMs`. */
  every(intervalMs: number, fn: () => void, background?: boolean): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fn, background = false) {
    const handle = setTimeout(fn, delayMs);
    if (background) handle.unref();
    return { clear: () => clearTimeout(handle) };
  },
  every(intervalMs, fn, background = false) {
    const handle = setInterval(fn, intervalMs);
    if (background) handle.unref();
    return { clear: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs` of the clock's time. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}
