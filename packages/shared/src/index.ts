export { assert, InvariantError, must } from "./assert.js";
export { type Clock, sleep, systemClock, type Timer } from "./clock.js";
export { formatDuration, parseDuration } from "./duration.js";
export { defineErrors, type ErrorKind, errorMessage, SteppeError } from "./errors.js";
export { type Random, seededRandom, systemRandom } from "./random.js";
