import type { Readable } from "node:stream";

import { errorMessage } from "@steppe/shared";
import { checkSnapshot } from "@steppe/state";

import type { ServerContext } from "../context.js";
import { openArchive } from "./archive.js";
import { archiveErrors } from "./errors.js";

/** About how much of the snapshot goes into one entry of the log. */
const PART_BYTES = 256 * 1024;
const NEWLINE = 10;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Replaces the state of the cluster by an archive's; on the leader. Before anything is proposed the archive is received, its sums are
 * checked, and its state is read to the end: a damaged one changes nothing. The parts then go through the log, and one last
 * entry puts them in the place of the state, on every server at the same index. Whatever fails before that entry leaves the state as
 * it was; if its own fate is unknown the error says so.
 */
export async function restoreArchive(
  context: ServerContext,
  source: Readable,
  directory: string,
): Promise<{ index: number }> {
  const { random, logger } = context;
  const restoreID = random.uuid();
  const archive = await openArchive(source, directory, restoreID);
  try {
    const { index } = await checkSnapshot(archive.state(), nextTurn);
    if (index !== archive.metadata.Index)
      throw archiveErrors.archiveInvalid({ reason: `its state is of index ${index}, not ${archive.metadata.Index}` });
    logger.warn(`restoring the snapshot of index ${index}`);
    const parts = await stage(context, restoreID, archive.state());
    const restored = await context.propose("restoreSnapshot", { restoreID, parts });
    logger.warn(`the state of index ${index} was restored at index ${restored.index}`);
    return restored;
  } finally {
    await archive.close();
  }
}

async function stage(context: ServerContext, restoreID: string, state: AsyncIterable<Buffer>): Promise<number> {
  let number = 0;
  try {
    for await (const lines of wholeLines(state)) {
      await context.propose("restoreStage", { restoreID, number, lines });
      number++;
    }
    return number;
  } catch (error) {
    context.propose("restoreAbandon", { restoreID }).catch((reason: unknown) => {
      // They do no harm: the next restore throws them away.
      context.logger.warn(`parts of a snapshot that was not restored are left: ${errorMessage(reason)}`);
    });
    throw error;
  }
}

/** The text in pieces of about PART_BYTES that end at the end of a line. */
async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const end = bytes + chunk.byteLength < PART_BYTES ? 0 : chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield Buffer.concat([...waiting, chunk.subarray(0, end)]).toString();
      [waiting, bytes] = [[], 0];
    }
    waiting.push(chunk.subarray(end));
    bytes += chunk.byteLength - end;
  }
  if (bytes > 0) yield Buffer.concat(waiting).toString();
}
