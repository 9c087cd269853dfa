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
    committed: undefined,
    responses: undefined,
  };
  return fields === undefined ? message : Object.assign(message, fields);
}

/** What holds for all messages of a type. */
interface MessageTraits {
  /** Sent by a node only to itself: one that comes from the network is refused. */
  readonly local?: true;
  /** An answer: from a node which is not in the configuration it means nothing. */
  readonly response?: true;
  /** The sender gives the term, which need not be its own: a pre-vote is about the next one. */
  readonly ownTerm?: true;
  /** Forwarded to whoever leads, at whatever term: carries none. */
  readonly termless?: true;
  /**
   * Speaks of what is stored, so it waits until it is. Rejections and grants of pre-votes would not have to, but keeping
   * the order costs nothing.
   */
  readonly afterAppend?: true;
}

const traits: Record<Type, MessageTraits> = {
  [MessageType.msgHup]: { local: true },
  [MessageType.msgBeat]: { local: true },
  [MessageType.msgProp]: { termless: true },
  [MessageType.msgApp]: {},
  [MessageType.msgAppResp]: { response: true, afterAppend: true },
  [MessageType.msgVote]: { ownTerm: true },
  [MessageType.msgVoteResp]: { response: true, ownTerm: true, afterAppend: true },
  [MessageType.msgSnap]: {},
  [MessageType.msgHeartbeat]: {},
  [MessageType.msgHeartbeatResp]: { response: true },
  [MessageType.msgUnreachable]: { local: true, response: true },
  [MessageType.msgSnapStatus]: { local: true },
  [MessageType.msgCheckQuorum]: { local: true },
  [MessageType.msgTransferLeader]: {},
  [MessageType.msgTimeoutNow]: {},
  [MessageType.msgReadIndex]: { termless: true },
  [MessageType.msgReadIndexResp]: { response: true },
  [MessageType.msgPreVote]: { ownTerm: true },
  [MessageType.msgPreVoteResp]: { response: true, ownTerm: true, afterAppend: true },
  [MessageType.msgStorageAppend]: { local: true },
  [MessageType.msgStorageAppendResp]: { local: true, response: true },
  [MessageType.msgStorageApply]: { local: true },
  [MessageType.msgStorageApplyResp]: { local: true, response: true },
  [MessageType.msgForgetLeader]: {},
};

export function messageTraits(type: Type): MessageTraits {
  return traits[type];
}

export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

export function isLocalMessage(type: Type): boolean {
  return traits[type].local === true;
}

export function isResponseMessage(type: Type): boolean {
  return traits[type].response === true;
}

export function voteResponseType(type: Type): Type {
  return type === MessageType.msgVote ? MessageType.msgVoteResp : MessageType.msgPreVoteResp;
}
