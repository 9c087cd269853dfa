import { defineErrors, SteppeError } from "@steppe/shared";

const errors = defineErrors({
  unreachable: { message: "{method} {address}{path}: {reason}", status: 502 },
  timedOut: { message: "{method} {address}{path}: no answer within {timeoutMs} ms", status: 504 },
  aborted: { message: "{method} {address}{path}: aborted", status: 499 },
  badAnswer: { message: "{method} {address}{path}: the answer is not JSON", status: 502 },
});

/** What was asked, for the text of an error. Holds no headers: those carry secrets. */
export interface RequestLine {
  method: string;
  address: string;
  path: string;
}

/** The connection failed before an answer came: nothing is known about what the server did. */
export function unreachable(line: RequestLine, cause: unknown): SteppeError {
  const reason =
    cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
  return errors.unreachable({ ...line, reason }, cause);
}

export function timedOut(line: RequestLine, timeoutMs: number): SteppeError {
  return errors.timedOut({ ...line, timeoutMs });
}

export function aborted(line: RequestLine): SteppeError {
  return errors.aborted({ ...line });
}

export function badAnswer(line: RequestLine, cause: unknown): SteppeError {
  return errors.badAnswer({ ...line }, cause);
}

/** The server answered with an error: code `unexpectedResponse`, the server's status, and its text in the message. */
export function unexpectedResponse(status: number, body: string): SteppeError {
  return new SteppeError("unexpectedResponse", `Unexpected response code: ${status} (${body.trim()})`, status);
}
