import { defineErrors } from "@steppe/shared";

/** Why an archive of the state was refused. Nothing has changed then. */
export const archiveErrors = defineErrors({
  archiveInvalid: { message: "failed to restore from snapshot: failed to read snapshot file: {reason}", status: 400 },
  archiveTooLarge: {
    message: "failed to restore from snapshot: its state has {bytes} bytes, the limit is {limitBytes}",
    status: 413,
  },
  archiveCanceled: { message: "failed to restore from snapshot: the client has gone", status: 499 },
});
