import {
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  NONE,
  type Entry,
  type Message,
  type MessageType as Type,
} from "./types.js";

const noEntries: readonly Entry[] = Object.freeze([]);

/** A message with everything unused at its default: the one place where messages are created, so all share a shape. */
export function newMessage(type: Type, to: number, fields?: Partial<Omit<Message, "type" | "to">>): Message {
  const message: Message = {
    type,
    to,
    from: NONE,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: noEntries,
    commit: 0,
    vote: NONE,
    reject: false,
    rejectHint: 0,
    leaseTick: 0,
    context: undefined,
    snapshot: undefined,
    responses: undefined,
  };
  return fields === undefined ? message : Object.assign(message, fields);
}

export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** Types that a node sends only to itself: one that comes from the network is refused. */
export function isLocalMessage(type: Type): boolean {
  switch (type) {
    case MessageType.msgHup:
    case MessageType.msgBeat:
    case MessageType.msgUnreachable:
    case MessageType.msgSnapStatus:
    case MessageType.msgCheckQuorum:
    case MessageType.msgStorageAppend:
    case MessageType.msgStorageAppendResp:
    case MessageType.msgStorageApply:
    case MessageType.msgStorageApplyResp:
      return true;
    default:
      return false;
  }
}

/** Types that answer: from a node which is not in the configuration they mean nothing. */
export function isResponseMessage(type: Type): boolean {
  switch (type) {
    case MessageType.msgAppResp:
    case MessageType.msgVoteResp:
    case MessageType.msgHeartbeatResp:
    case MessageType.msgUnreachable:
    case MessageType.msgReadIndexResp:
    case MessageType.msgPreVoteResp:
    case MessageType.msgStorageAppendResp:
    case MessageType.msgStorageApplyResp:
      return true;
    default:
      return false;
  }
}

export function voteResponseType(type: Type): Type {
  return type === MessageType.msgVote ? MessageType.msgVoteResp : MessageType.msgPreVoteResp;
}
