import { type Clock, errorMessage, type Random, type Timer } from "@steppe/shared";

import { listenForMembers, MemberConnection, type MemberListener } from "./exchange.js";
import { type Member, type MemberRecord, parseRecord } from "./member.js";
import { MemberList } from "./member-list.js";

export interface MembershipOptions {
  readonly self: Omit<MemberRecord, "incarnation" | "left">;
  readonly bindHost: string;
  readonly bindPort: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: { info(text: string): void; warn(text: string): void };
  /** `host:port` of servers to find the others through; tried again until one answers. */
  readonly retryJoin: readonly string[];
  readonly retryIntervalMs: number;
  readonly probeIntervalMs?: number;
  readonly failAfterMs?: number;
}

interface PushPull {
  readonly type: "push-pull" | "ping";
  readonly from: string;
  readonly digest: string;
  readonly members?: readonly MemberRecord[];
}

/**
 * Who is there: all servers of all regions, known to each. Every server probes every other over one kept connection; a
 * probe carries a digest, and where digests differ the full lists are exchanged (push-pull anti-entropy). There are
 * dozens of servers, so a full mesh is cheap, and a change reaches everybody in one round.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #list: MemberList;
  readonly #connections = new Map<string, MemberConnection>();
  readonly #listeners = new Set<() => void>();
  readonly #probing = new Set<string>();
  #listener: MemberListener | undefined;
  #timers: Timer[] = [];
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    // Seconds since the epoch as the first incarnation: an earlier life of this server never looks newer.
    const incarnation = Math.floor(options.clock.nowMs() / 1000);
    this.#list = new MemberList({ ...options.self, incarnation, left: false }, options.clock.monotonicMs());
  }

  async start(): Promise<void> {
    const { bindHost, bindPort, clock, probeIntervalMs = 500 } = this.#options;
    this.#listener = await listenForMembers(bindHost, bindPort, (request) => this.#answer(request));
    this.#timers.push(clock.every(probeIntervalMs, () => this.#probeAll(), true));
    this.#joinUntilAnswered(0);
  }

  /** Stops; with `leave`, the others are told first that this server will not be back. */
  async stop(leave: boolean): Promise<void> {
    if (leave && !this.#stopped) {
      this.#list.updateSelf({ left: true });
      await Promise.allSettled(this.#others().map((member) => this.#exchange(member.serfAddress)));
    }
    this.#stopped = true;
    for (const timer of this.#timers) timer.clear();
    for (const connection of this.#connections.values()) connection.close();
    await this.#listener?.close();
  }

  members(): Member[] {
    return this.#list.all();
  }

  self(): Member {
    return this.#list.self();
  }

  /** Calls `fn` after every change of who is there or what they say. Returns how to end that. */
  onChange(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Says of this server that its region has been bootstrapped. */
  markBootstrapped(): void {
    if (this.#list.self().bootstrapped) return;
    this.#list.updateSelf({ bootstrapped: true });
    this.#changed();
    this.#probeAll();
  }

  /** Contacts other servers now; returns how many answered, with the errors of those that did not. */
  async join(addresses: readonly string[]): Promise<{ joined: number; errors: string[] }> {
    const results = await Promise.allSettled(addresses.map((address) => this.#exchange(address)));
    const failures = results.filter((result) => result.status === "rejected");
    return {
      joined: results.length - failures.length,
      errors: failures.map((failure) => errorMessage(failure.reason)),
    };
  }

  /** Marks a failed member as gone; with `prune` it is forgotten altogether. */
  forceLeave(name: string, prune: boolean): boolean {
    const left = this.#list.forceLeave(name);
    if (left && prune) this.#list.remove(name);
    if (left) this.#changed();
    return left;
  }

  #joinUntilAnswered(attempt: number): void {
    const { retryJoin, clock, random, retryIntervalMs, logger, self } = this.#options;
    const addresses = retryJoin.filter((address) => address !== self.serfAddress);
    if (addresses.length === 0 || this.#stopped) return;
    void this.join(addresses).then(({ joined, errors }) => {
      if (this.#stopped) return;
      // At start-up the others may be a few milliseconds behind: quick first tries save a second of waiting.
      const complete = joined === addresses.length || attempt > 20;
      if (joined > 0 && complete) return;
      if (joined === 0 && attempt === 20) logger.warn(`No server to join has answered yet: ${errors.join("; ")}`);
      const delayMs = attempt < 20 ? 50 + random.next() * 50 : retryIntervalMs * (0.75 + random.next() / 2);
      this.#timers.push(clock.after(delayMs, () => this.#joinUntilAnswered(attempt + 1), true));
    });
  }

  #others(): Member[] {
    return this.#list.all().filter((member) => member.name !== this.#options.self.name && member.status !== "left");
  }

  #probeAll(): void {
    const { clock, failAfterMs = 3000, logger } = this.#options;
    for (const member of this.#others()) {
      if (this.#probing.has(member.name)) continue;
      this.#probing.add(member.name);
      void this.#probe(member).finally(() => this.#probing.delete(member.name));
    }
    const failed = this.#list.expire(clock.monotonicMs(), failAfterMs);
    for (const name of failed) logger.warn(`Server ${name} does not answer`);
    if (failed.length > 0) this.#changed();
  }

  async #probe(member: Member): Promise<void> {
    const message: PushPull = { type: "ping", from: this.#options.self.name, digest: this.#list.digest() };
    try {
      const reply = (await this.#connection(member.serfAddress).request(message, 2000)) as Partial<PushPull>;
      if (reply.digest !== this.#list.digest()) await this.#exchange(member.serfAddress);
      if (this.#list.answered(member.name, this.#options.clock.monotonicMs())) {
        this.#options.logger.info(`Server ${member.name} answers again`);
        this.#changed();
      }
    } catch {
      // Silence is what `expire` counts; nothing else is to be done about one probe.
    }
  }

  async #exchange(address: string): Promise<void> {
    const message: PushPull = {
      type: "push-pull",
      from: this.#options.self.name,
      digest: "",
      members: this.#list.records(),
    };
    const reply = (await this.#connection(address).request(message, 3000)) as Partial<PushPull>;
    this.#merge(reply.members);
  }

  #connection(address: string): MemberConnection {
    let connection = this.#connections.get(address);
    if (connection === undefined)
      this.#connections.set(address, (connection = new MemberConnection(address, this.#options.clock)));
    return connection;
  }

  #answer(request: unknown): unknown {
    if (this.#stopped || typeof request !== "object" || request === null) return undefined;
    const { type, members, from } = request as Partial<PushPull>;
    if (type !== "ping" && type !== "push-pull") return undefined;
    if (type === "push-pull") this.#merge(members);
    const known = typeof from === "string" && this.#list.answered(from, this.#options.clock.monotonicMs());
    if (known) this.#changed();
    const reply: PushPull = { type, from: this.#options.self.name, digest: this.#list.digest() };
    return type === "ping" ? reply : { ...reply, members: this.#list.records() };
  }

  #merge(members: unknown): void {
    if (!Array.isArray(members)) return;
    const records = members.map(parseRecord).filter((record) => record !== undefined);
    if (this.#list.merge(records, this.#options.clock.monotonicMs()).length === 0) return;
    this.#changed();
    // Pass the news on at once rather than at the next round: a new server is known everywhere in milliseconds.
    if (!this.#stopped) this.#probeAll();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
