import type { Member, MemberRecord, MemberStatus } from "./member.js";

/** The members that this server knows, its own record among them. Pure data: time is passed in. */
export class MemberList {
  readonly #members = new Map<string, Member>();
  readonly #self: string;
  #digest: string | undefined;

  constructor(self: MemberRecord, nowMs: number) {
    this.#self = self.name;
    this.#members.set(self.name, { ...self, status: "alive", lastSeenMs: nowMs });
  }

  self(): Member {
    return this.#members.get(this.#self) as Member;
  }

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  /** All members, by name. */
  all(): Member[] {
    return [...this.#members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Changes this server's own record; every change is a new incarnation. */
  updateSelf(change: Partial<Pick<MemberRecord, "bootstrapped" | "left">>): void {
    const self = this.self();
    this.#put({ ...self, ...change, incarnation: self.incarnation + 1 });
  }

  /**
   * Takes over records that are newer than ours; returns the names of members that changed. A record of this server
   * itself with a higher incarnation (an operator's force-leave, or an earlier life) is overruled by a higher one.
   */
  merge(records: readonly MemberRecord[], nowMs: number): string[] {
    const changed: string[] = [];
    for (const record of records) {
      const known = this.#members.get(record.name);
      if (known !== undefined && record.incarnation <= known.incarnation) continue;
      if (record.name === this.#self) {
        this.#put({ ...this.self(), incarnation: record.incarnation + 1 });
      } else {
        // Only a living owner raises its incarnation (or a forced leave does): the news is a sign of life.
        this.#put({ ...record, status: record.left ? "left" : "alive", lastSeenMs: nowMs });
      }
      changed.push(record.name);
    }
    return changed;
  }

  /** A probe was answered: the member is alive, whatever was thought of it. Returns true where that is news. */
  answered(name: string, nowMs: number): boolean {
    const member = this.#members.get(name);
    if (member === undefined || member.left) return false;
    this.#members.set(name, { ...member, status: "alive", lastSeenMs: nowMs });
    return member.status !== "alive";
  }

  /** Marks members that have been silent for too long; returns their names. */
  expire(nowMs: number, failAfterMs: number): string[] {
    const failed: string[] = [];
    for (const member of this.#members.values()) {
      if (member.name === this.#self || member.status !== "alive" || nowMs - member.lastSeenMs < failAfterMs) continue;
      this.#members.set(member.name, { ...member, status: "failed" });
      failed.push(member.name);
    }
    return failed;
  }

  /** An operator says that a failed member is gone for good. Returns false where there is no such member, or it lives. */
  forceLeave(name: string): boolean {
    const member = this.#members.get(name);
    if (member === undefined || member.status === "alive") return false;
    this.#put({ ...member, left: true, status: "left", incarnation: member.incarnation + 1 });
    return true;
  }

  /** Forgets a member that has left, or failed, for good. */
  remove(name: string): void {
    this.#members.delete(name);
    this.#digest = undefined;
  }

  /** What is sent to others. */
  records(): MemberRecord[] {
    return this.all().map(({ status: _status, lastSeenMs: _lastSeenMs, ...record }) => record);
  }

  /** Equal digests mean equal records: the probe's cheap test of whether there is anything to exchange. */
  digest(): string {
    this.#digest ??= this.all()
      .map((member) => `${member.name}=${member.incarnation}`)
      .join(",");
    return this.#digest;
  }

  withStatus(status: MemberStatus): Member[] {
    return this.all().filter((member) => member.status === status);
  }

  #put(member: Member): void {
    this.#members.set(member.name, member);
    this.#digest = undefined;
  }
}
