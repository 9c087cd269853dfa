import btree from "sorted-btree";

type Tree<V> = btree.default<string, V>;

/** Where and how to walk an ordered map. */
export interface RangeOptions {
  /** Only keys that start with this text. */
  readonly prefix?: string | undefined;
  /** The first key to visit, inclusive: the lowest one, or with `reverse` the highest. */
  readonly from?: string | undefined;
  readonly reverse?: boolean | undefined;
}

// Relational operators compare UTF-16 code units: the same order on every server, whatever its locale.
const compare = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);

/** The lowest text that is above all texts with this prefix. */
function prefixEnd(prefix: string): string {
  const last = prefix.length - 1;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}

/**
 * A map in key order whose `clone` is O(1): clones share nodes and copy a node only when one of them writes to it. A clone that nobody
 * writes to is therefore an immutable picture of the map at that moment. Do not write to a map while walking it; walk a clone.
 */
export class OrderedMap<V> {
  private readonly tree: Tree<V>;

  constructor(tree: Tree<V> = new btree.default<string, V>(undefined, compare, 64)) {
    this.tree = tree;
  }

  get size(): number {
    return this.tree.size;
  }

  get(key: string): V | undefined {
    return this.tree.get(key);
  }

  set(key: string, value: V): void {
    this.tree.set(key, value);
  }

  delete(key: string): void {
    this.tree.delete(key);
  }

  clone(): OrderedMap<V> {
    return new OrderedMap(this.tree.clone());
  }

  /** The values whose keys start with the prefix, in key order, as an array. */
  withPrefix(prefix: string): V[] {
    const found: V[] = [];
    this.tree.forRange(prefix, prefixEnd(prefix), false, (_, value) => {
      found.push(value);
    });
    return found;
  }

  /** `[key, value]` pairs in key order. The pair is one array, used again for each step. */
  *entries(options: RangeOptions = {}): Generator<[string, V]> {
    const { prefix = "", from, reverse = false } = options;
    const pair: [string, V] = ["", undefined as V];
    if (reverse) {
      const end = prefix === "" ? undefined : prefixEnd(prefix);
      const startsInside = from !== undefined && (end === undefined || from < end);
      const walk = startsInside
        ? this.tree.entriesReversed(from, pair, false)
        : this.tree.entriesReversed(end, pair, true);
      for (const entry of walk) {
        if (!entry[0].startsWith(prefix)) return;
        yield entry;
      }
      return;
    }
    const start = from !== undefined && from > prefix ? from : prefix;
    for (const entry of this.tree.entries(start === "" ? undefined : start, pair)) {
      if (!entry[0].startsWith(prefix)) return;
      yield entry;
    }
  }
}
