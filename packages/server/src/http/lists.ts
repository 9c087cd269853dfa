import { compileFilter, type Filter, filterRowSchemas } from "@steppe/api";
import { type Clock, must } from "@steppe/shared";
import { type Change, type ReadView, type StateStore } from "@steppe/state";

import { httpErrors } from "./errors.js";
import { type ListBytes, ListCache } from "./list-cache.js";
import { ListShape } from "./list-shape.js";
import type { ListSource } from "./list-source.js";
import type { ParsedRequest } from "./parsed-request.js";
import type { Turns } from "./turns.js";

/** Whole lists that are kept, the one that was asked for last at the end. */
const KEPT_LISTS_MAX = 64;
const KEPT_BYTES_MAX = 192 * 1024 * 1024;
const KEPT_FILTERS_MAX = 256;
/** Changes that are remembered for lists which nobody asks for at the moment. */
const LOG_MAX = 8192;
/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 64;

/** A list's body: ready, or a page with the token of the next. */
export interface ListBody {
  readonly plain: () => ListBytes;
  readonly gzip?: () => Buffer | Promise<Buffer>;
  /** About as long as `plain` is, without making it. */
  readonly lengthBytes: number;
  /** The entries in pieces, for those who print them another way. */
  readonly parts: () => readonly Buffer[];
  readonly nextToken: string;
}

/** Answers lists out of what it keeps, and brings it up to date with what was written since. */
export class Lists {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #turns: Turns;
  readonly #caches = new Map<string, ListCache>();
  readonly #filters = new Map<string, Filter>();
  /** What was written, by the order of writes; the first one has the position `#logStart`. */
  #log: Change[] = [];
  #logStart = 0;

  constructor(state: StateStore, clock: Clock, turns: Turns) {
    this.#state = state;
    this.#clock = clock;
    this.#turns = turns;
    state.subscribe((changes) => this.#note(changes));
    state.onRestore(() => this.#clear());
  }

  /** State was replaced as a whole: nothing that is kept holds. */
  #clear(): void {
    this.#caches.clear();
    this.#logStart += this.#log.length;
    this.#log = [];
  }

  /** The list that a request asks for; a promise where it takes longer than one turn. */
  read(source: ListSource, request: ParsedRequest): ListBody | Promise<ListBody> {
    const { query, endpoint } = request;
    const support = must(endpoint.list, "a list endpoint says what it supports");
    if (query.text === "" || !support.paging) return this.#whole(source, request);
    const perPage = parsePerPage(query.get("per_page"));
    const token = query.get("next_token") ?? "";
    if (perPage === undefined && token === "") return this.#whole(source, request);
    return this.#page(this.#shape(source, request), perPage ?? Infinity, token);
  }

  /** A filter expression, compiled; undefined for none. @throws 400 where it is no expression */
  filter(text: string | undefined, table: string): Filter | undefined {
    if (text === undefined || text === "") return undefined;
    const key = `${table} ${text}`;
    const known = this.#filters.get(key);
    if (known !== undefined) return known;
    const filter = compileFilter(text, filterRowSchemas[table]);
    this.#filters.set(key, filter);
    if (this.#filters.size > KEPT_FILTERS_MAX) deleteOldest(this.#filters);
    return filter;
  }

  #shape(source: ListSource, request: ParsedRequest): ListShape {
    const { query, identity, endpoint } = request;
    const support = must(endpoint.list, "a list endpoint says what it supports");
    const everywhere = request.namespace === "*";
    return new ListShape(source, {
      namespace: request.namespace,
      prefix: support.prefix ? (query.get("prefix") ?? "") : "",
      filter: support.filter ? this.filter(query.get("filter"), source.table) : undefined,
      reverse: support.reverse && query.get("reverse") === "true",
      visible:
        everywhere && !identity.allowsEverywhere(endpoint.capability)
          ? (namespace) => identity.allows(endpoint.capability, namespace)
          : undefined,
    });
  }

  #whole(source: ListSource, request: ParsedRequest): ListBody | Promise<ListBody> {
    const key = listKey(source, request);
    let cache = this.#caches.get(key);
    // The one asked for last goes to the end: Map keeps the order of insertion.
    if (cache !== undefined) this.#caches.delete(key);
    else cache = new ListCache(this.#shape(source, request), this.#logStart + this.#log.length);
    this.#caches.set(key, cache);
    if (!this.#refresh(cache)) return this.#refreshInSlices(cache);
    this.#evict();
    return bodyOf(cache);
  }

  #refresh(cache: ListCache): boolean {
    this.#catchUp(cache);
    return cache.refresh(this.#state, () => this.#clock.monotonicMs(), this.#turns.untilMs());
  }

  async #refreshInSlices(cache: ListCache): Promise<ListBody> {
    do await this.#turns.next();
    while (!this.#refresh(cache));
    // In the same turn as the last refresh: nothing has been written in between.
    return bodyOf(cache);
  }

  /** Tells a list what was written since it was asked for last. */
  #catchUp(cache: ListCache): void {
    const end = this.#logStart + this.#log.length;
    if (cache.position === end) return;
    if (cache.position < this.#logStart) cache.clear();
    else {
      for (let at = cache.position - this.#logStart; at < this.#log.length; at++)
        markChange(cache, must(this.#log[at], "position within the log"));
    }
    cache.position = end;
  }

  #note(changes: readonly Change[]): void {
    if (this.#caches.size === 0) return;
    for (const change of changes) this.#log.push(change);
    if (this.#log.length <= LOG_MAX) return;
    const dropped = this.#log.length - LOG_MAX / 2;
    this.#log = this.#log.slice(dropped);
    this.#logStart += dropped;
  }

  #evict(): void {
    let bytes = 0;
    if (this.#caches.size > KEPT_LISTS_MAX) deleteOldest(this.#caches);
    for (const cache of this.#caches.values()) bytes += cache.sizeBytes;
    while (bytes > KEPT_BYTES_MAX && this.#caches.size > 1) bytes -= deleteOldest(this.#caches)?.sizeBytes ?? 0;
  }

  /**
   * One page. It costs what the page costs: rows before it are not read. Where a filter lets little through, rows are read in
   * slices; such a page may then hold rows that were written meanwhile, and its index is the one from before.
   */
  #page(shape: ListShape, perPage: number, token: string): ListBody | Promise<ListBody> {
    const page = new Page(shape, this.#state, perPage);
    const from = token === "" ? "" : shape.keyOfToken(token);
    const monotonicMs = (): number => this.#clock.monotonicMs();
    if (page.read(from, monotonicMs, this.#turns.untilMs())) return page.body();
    return (async () => {
      do await this.#turns.next();
      while (!page.read(page.resumeKey, monotonicMs, this.#turns.untilMs()));
      return page.body();
    })();
  }
}

/** A page while it is read. */
class Page {
  resumeKey = "";
  #nextToken = "";
  readonly #entries: string[] = [];
  readonly #shape: ListShape;
  readonly #view: ReadView;
  readonly #limit: number;

  constructor(shape: ListShape, view: ReadView, perPage: number) {
    this.#shape = shape;
    this.#view = view;
    // A negative number is a page without entries, whose token is the first one's; 0 is no paging.
    this.#limit = perPage === 0 ? Infinity : Math.max(0, perPage);
  }

  /** Reads on from a key; false when the time is over before the page is full. */
  read(from: string, monotonicMs: () => number, untilMs: number): boolean {
    const shape = this.#shape;
    let looked = 0;
    for (const row of shape.scan(this.#view, from, shape.reverse)) {
      if (++looked % ROWS_PER_LOOK === 0 && monotonicMs() > untilMs) {
        this.resumeKey = shape.orderKey(row);
        return false;
      }
      if (!shape.includes(row)) continue;
      if (this.#entries.length >= this.#limit) {
        this.#nextToken = shape.tokenOf(row);
        return true;
      }
      this.#entries.push(JSON.stringify(shape.source.stub(row, shape.joinedRow(this.#view, row))));
    }
    return true;
  }

  body(): ListBody {
    const text = Buffer.from(`[${this.#entries.join(",")}]`);
    const bytes = { pieces: [text], lengthBytes: text.length };
    const parts = text.length > 2 ? [text.subarray(1, -1)] : [];
    return { plain: () => bytes, lengthBytes: text.length, parts: () => parts, nextToken: this.#nextToken };
  }
}

function bodyOf(cache: ListCache): ListBody {
  return {
    plain: () => cache.plain(),
    gzip: () => cache.gzip(),
    lengthBytes: cache.lengthBytes,
    parts: () => cache.parts(),
    nextToken: "",
  };
}

/** Everything that two requests must have in common to get the same list. */
function listKey(source: ListSource, request: ParsedRequest): string {
  const { query, identity, namespace, name } = request;
  const who = namespace === "*" ? identity.key : "";
  if (query.text === "") return `${name}\0${source.variant ?? ""}\0${namespace}\0\0\0false\0${who}`;
  const reverse = query.get("reverse") === "true";
  return [name, source.variant, namespace, query.get("prefix"), query.get("filter"), reverse, who].join("\0");
}

function markChange(cache: ListCache, change: Change): void {
  const { shape } = cache;
  const { table, join } = shape.source;
  if (change.table !== table && change.table !== join) return;
  if (!shape.byCreate) cache.markDirty(change.key);
  else {
    if (change.before !== undefined) cache.markDirty(shape.orderKey(change.before));
    if (change.after !== undefined) cache.markDirty(shape.orderKey(change.after));
  }
}

function parsePerPage(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw httpErrors.invalidPage();
  return Number(text);
}

function deleteOldest<V>(map: Map<string, V>): V | undefined {
  for (const [key, value] of map) {
    map.delete(key);
    return value;
  }
  return undefined;
}
