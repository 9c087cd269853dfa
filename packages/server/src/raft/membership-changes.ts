import { type ConfChange, ConfChangeType, RaftError, type RawNode } from "raft-ts";

import { raftErrors } from "./errors.js";
import { encodeServer, type Members, type ServerAddress } from "./members.js";
import type { ProposalResult, Proposals } from "./proposals.js";
import { raftIdOf } from "./raft-id.js";

export interface MembershipChangesOptions {
  readonly members: Members;
  readonly proposals: Proposals;
  /** The node, if it leads. */
  readonly leader: () => RawNode | undefined;
  /** Something was proposed. */
  readonly wake: () => void;
}

/** Changes of the configuration, one after another: Raft takes one at a time, and refuses the next before it is applied. */
export class MembershipChanges {
  readonly #options: MembershipChangesOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: MembershipChangesOptions) {
    this.#options = options;
  }

  add(server: ServerAddress, voter: boolean): Promise<void> {
    const type = voter ? ConfChangeType.addNode : ConfChangeType.addLearnerNode;
    return this.#enqueue({ version: 1, type, nodeId: raftIdOf(server.id), context: encodeServer(server) });
  }

  remove(id: string): Promise<void> {
    return this.#enqueue({ version: 1, type: ConfChangeType.removeNode, nodeId: raftIdOf(id) });
  }

  #enqueue(change: ConfChange & { version: 1 }): Promise<void> {
    const result = this.#last.then(() => this.#propose(change));
    this.#last = result.catch(() => {
      // The caller has the error; the next change only waits for this one's end.
    });
    return result;
  }

  async #propose(change: ConfChange & { version: 1 }): Promise<void> {
    const { leader, members, proposals, wake } = this.#options;
    const node = leader();
    if (node === undefined) throw raftErrors.noLeader();
    if (change.type === ConfChangeType.removeNode && members.get(change.nodeId) === undefined) {
      throw raftErrors.unknownServer({ id: change.nodeId });
    }
    const { voters } = members.configuration.confState;
    // Committed, it could be applied by nobody.
    if (change.type === ConfChangeType.removeNode && voters.length === 1 && voters[0] === change.nodeId) {
      throw raftErrors.lastVoter();
    }
    const applied = new Promise<ProposalResult>((resolve, reject) => {
      try {
        const entry = node.proposeConfChange(change);
        if (entry === undefined) reject(raftErrors.noLeader());
        else proposals.track(entry.index, entry.term, { resolve, reject });
      } catch (error) {
        reject(error instanceof RaftError ? raftErrors.noLeader({}, error) : (error as Error));
      }
    });
    wake();
    // In the place of a change that it refuses Raft puts an empty entry, which has no result.
    if ((await applied).result !== true) throw raftErrors.confChangeRefused();
  }
}
