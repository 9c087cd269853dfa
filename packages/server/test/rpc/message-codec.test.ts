import { describe, expect, test } from "@jest/globals";
import { EntryType, MessageType, newMessage } from "raft-ts";

import { encodeFrame, FRAME_PAYLOAD, FrameKind } from "../../src/rpc/frames.js";
import { decodeMessage, encodeMessage } from "../../src/rpc/message-codec.js";

describe("Raft messages", () => {
  test("come out as they went in", () => {
    const entries = [
      { index: 8, term: 3, type: EntryType.normal, data: Buffer.from("first") },
      { index: 9, term: 4, type: EntryType.confChangeV2, data: Buffer.alloc(0) },
    ];
    const messages = [
      newMessage(MessageType.msgApp, 2, { from: 2 ** 52 + 1, term: 4, logTerm: 3, index: 7, commit: 6, entries }),
      newMessage(MessageType.msgAppResp, 1, { from: 2, term: 4, index: 7, reject: true, rejectHint: 5, logTerm: 2 }),
      newMessage(MessageType.msgHeartbeat, 1, { from: 2, term: 4, leaseTick: 99, context: "read 1" }),
    ];
    for (const message of messages)
      expect(decodeMessage(encodeMessage(message).subarray(FRAME_PAYLOAD))).toEqual(message);
  });

  test("that no server sends are refused", () => {
    const decode = (frame: Buffer) => () => decodeMessage(frame.subarray(FRAME_PAYLOAD));
    expect(decode(encodeMessage(newMessage(MessageType.msgHup, 1)))).toThrow("not for the network");
    expect(decode(encodeMessage(newMessage(MessageType.msgApp, 1, { term: -1 })))).toThrow();
    expect(() => decodeMessage(Buffer.alloc(0))).toThrow();
    expect(() => decodeMessage(Buffer.from([0, 1, 0xc0]))).toThrow();
    expect(decode(encodeFrame(FrameKind.raftMessage, "hello"))).toThrow();
    const entries = [{ index: 8, term: 3, type: EntryType.normal, data: Buffer.from("first") }];
    const cut = encodeMessage(newMessage(MessageType.msgApp, 2, { entries }));
    expect(decode(cut.subarray(0, -1))).toThrow();
  });
});
