import { Readable } from "node:stream";

import { sleep } from "@steppe/shared";

import type { ServerContext } from "../context.js";
import type { ApiRequest, ApiResponse } from "../http/api-message.js";
import { httpErrors } from "../http/errors.js";
import type { StreamResult } from "../http/handler.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { bodyResponse } from "../http/response.js";
import { createArchive, restoreArchive } from "../snapshot/index.js";

/** Set on a request that another server of the region took this one to lead for: it is not passed on again. */
const TO_LEADER_HEADER = "x-steppe-to-leader";
const LEADER_WAIT_MS = 5000;
const RETRY_MS = 50;

/** The whole state, from the leader unless `stale`. */
export async function saveSnapshot(
  context: ServerContext,
  request: ParsedRequest,
): Promise<StreamResult | ApiResponse> {
  const { raft, state, clock, random, operations } = context;
  if (request.mode !== "stale") {
    const elsewhere = await passedToLeader(context, request.source);
    if (elsewhere !== undefined) return elsewhere;
    await raft.readIndex();
  }
  const chunks = state.snapshotChunks();
  const term = raft.term();
  const archive = await createArchive({
    directory: operations.archiveDirectory,
    id: random.uuid(),
    chunks,
    metadata: {
      Version: 1,
      ID: `${term}-${chunks.index}-${clock.nowMs()}`,
      Index: chunks.index,
      Term: term,
      Configuration: {
        Servers: raft.configuration().map(({ id, address, voter }) => ({
          Suffrage: voter ? "Voter" : "Nonvoter",
          ID: id,
          Address: address,
        })),
      },
    },
    nowMs: clock.nowMs(),
  });
  return {
    stream: archive.stream,
    contentType: "application/x-gzip",
    headers: {
      Digest: `sha-256=${archive.digest}`,
      "Content-Length": String(archive.sizeBytes),
      "X-Nomad-Index": String(chunks.index),
      "X-Nomad-Knownleader": String(raft.leaderId() !== 0),
      "X-Nomad-Lastcontact": String(Math.max(0, Math.round(raft.lastContactMs()))),
    },
  };
}

/** Replaces the whole state, on the leader. */
export async function restoreSnapshot(context: ServerContext, { source }: ParsedRequest): Promise<ApiResponse> {
  const elsewhere = await passedToLeader(context, source);
  if (elsewhere !== undefined) return elsewhere;
  const body = source.bodyStream ?? Readable.from(source.body === undefined ? [] : [source.body]);
  const { index } = await restoreArchive(context, body, context.operations.archiveDirectory);
  return bodyResponse(200, Buffer.alloc(0), "", { "X-Nomad-Index": String(index) });
}

/** The leader's answer; undefined where this server leads. @throws `noLeader` */
async function passedToLeader(context: ServerContext, source: ApiRequest): Promise<ApiResponse | undefined> {
  const { raft, clock, operations } = context;
  const deadlineMs = clock.monotonicMs() + LEADER_WAIT_MS;
  while (!raft.isLeader()) {
    if (source.header(TO_LEADER_HEADER) !== undefined) throw httpErrors.noLeader();
    if (raft.leader() !== undefined) return operations.forwardToLeader(marked(source));
    if (clock.monotonicMs() > deadlineMs) throw httpErrors.noLeader();
    await sleep(clock, RETRY_MS);
  }
  return undefined;
}

function marked(source: ApiRequest): ApiRequest {
  const { method, path, query, body, bodyStream, remoteAddress, signal, forwarded } = source;
  return {
    ...{ method, path, query, body, bodyStream, remoteAddress, signal, forwarded },
    header: (name) => (name === TO_LEADER_HEADER ? "1" : source.header(name)),
    headers: () => ({ ...source.headers(), [TO_LEADER_HEADER]: "1" }),
    readBody: () => source.readBody(),
  };
}
