/** One row of an error table: what the user reads, and the HTTP status where the error reaches a client. */
export interface ErrorKind {
  readonly message: string;
  readonly status?: number;
}

/** An error out of a package's table. `code` is stable; `message` is one clear line that says what to do. */
export class SteppeError extends Error {
  override readonly name = "SteppeError";
  readonly code: string;
  /** The HTTP status that a client sees; 500 unless the table says otherwise. */
  readonly status: number;

  constructor(code: string, message: string, status: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
  }
}

/**
 * Makes the constructors of a package's errors from its table. `{name}` in a message is filled from the values:
 * `const errors = defineErrors({ noLeader: { message: "No cluster leader", status: 500 } }); throw errors.noLeader();`
 */
export function defineErrors<K extends string>(
  table: Record<K, ErrorKind>,
): Record<K, (values?: Record<string, string | number>, cause?: unknown) => SteppeError> {
  const constructors = {} as Record<K, (values?: Record<string, string | number>, cause?: unknown) => SteppeError>;
  for (const code of Object.keys(table) as K[]) {
    const { message, status } = table[code];
    constructors[code] = (values = {}, cause) =>
      new SteppeError(
        code,
        message.replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole)),
        status ?? 500,
        cause,
      );
  }
  return constructors;
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
