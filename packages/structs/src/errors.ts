import { defineErrors } from "@steppe/shared";

/** The package's errors. Texts are those that Nomad's clients know. */
export const errors = defineErrors({
  wrongType: { message: "json: cannot unmarshal {value} into Go {place} of type {type}", status: 400 },
});
