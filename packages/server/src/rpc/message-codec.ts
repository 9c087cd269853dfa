import { encodedEntriesBytes, readEntries, writeEntries } from "@steppe/storage";
import { isLocalMessage, type Message, MessageType, newMessage } from "raft-ts";

import { allocateFrame, FRAME_PAYLOAD, FrameKind, pack, unpack } from "./frames.js";

// payload: length u16 of the head, head (MessagePack), the entries as storage encodes them
// head:    [type, to, from, term, logTerm, index, commit, reject, rejectHint, leaseTick, context, first entry's index, entries,
//           the committed entry's term and index]

type Head = [
  type: MessageType,
  to: number,
  from: number,
  term: number,
  logTerm: number,
  index: number,
  commit: number,
  reject: boolean,
  rejectHint: number,
  leaseTick: number,
  context: string | null,
  firstIndex: number,
  entryCount: number,
  committedTerm: number,
  committedIndex: number,
];

const LAST_MESSAGE_TYPE = Math.max(...Object.values(MessageType));

/** A Raft message as a frame. Snapshots travel as streams, not in messages. */
export function encodeMessage(message: Message): Buffer {
  const { entries } = message;
  const head = pack([
    message.type,
    message.to,
    message.from,
    message.term,
    message.logTerm,
    message.index,
    message.commit,
    message.reject,
    message.rejectHint,
    message.leaseTick,
    message.context ?? null,
    entries.length === 0 ? 0 : entries[0]!.index,
    entries.length,
    message.committed?.term ?? 0,
    message.committed?.index ?? 0,
  ] satisfies Head);
  const frame = allocateFrame(FrameKind.raftMessage, 2 + head.byteLength + encodedEntriesBytes(entries));
  frame.writeUInt16BE(head.byteLength, FRAME_PAYLOAD);
  frame.set(head, FRAME_PAYLOAD + 2);
  writeEntries(frame, FRAME_PAYLOAD + 2 + head.byteLength, entries);
  return frame;
}

/** The message of a frame; its entries' data are views into the payload. Throws on anything that no server sends. */
export function decodeMessage(payload: Buffer): Message {
  const headEnd = 2 + payload.readUInt16BE(0);
  const head = unpack(payload.subarray(2, headEnd)) as Head;
  const [type, to, from, term, logTerm, index, commit, reject, rejectHint, leaseTick, context, firstIndex] = head;
  const [, , , , , , , , , , , , count, committedTerm, committedIndex] = head;
  const numbers = [type, to, from, term, logTerm, index, commit, rejectHint, leaseTick, firstIndex];
  numbers.push(count, committedTerm, committedIndex);
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new RangeError("not a Raft message");
  if (type > LAST_MESSAGE_TYPE || isLocalMessage(type))
    throw new RangeError(`message type ${type} is not for the network`);
  if (typeof reject !== "boolean") throw new RangeError("not a Raft message");
  const entries = count === 0 ? undefined : readEntries(payload, headEnd, firstIndex, count);
  return newMessage(type, to, {
    from,
    term,
    logTerm,
    index,
    commit,
    reject,
    rejectHint,
    leaseTick,
    context: typeof context === "string" ? context : undefined,
    ...(entries === undefined ? {} : { entries }),
    ...(committedIndex === 0 ? {} : { committed: { term: committedTerm, index: committedIndex } }),
  });
}
