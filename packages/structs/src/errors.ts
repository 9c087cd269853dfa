import { defineErrors } from "@steppe/shared";

/** The package's errors. Texts are those that Nomad's clients know. */
export const errors = defineErrors({
  wrongType: { message: "json: cannot unmarshal {value} into Go {place} of type {type}", status: 400 },
  truncatedJSON: { message: "unexpected EOF", status: 400 },
  invalidJSON: { message: "invalid JSON: {reason}", status: 400 },
  emptyBody: { message: "Request body is empty", status: 400 },
});
