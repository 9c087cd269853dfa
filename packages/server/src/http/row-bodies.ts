/** The JSON of one row as clients see it, and what was made of it. */
export interface RowBody {
  readonly json: string;
  readonly lengthBytes: number;
  gzip: Buffer | undefined;
  /** The whole answer to the usual request: default consistency, plain, from the leader. */
  response: unknown;
}

type Render = (row: never) => unknown;

/** Bytes that one of the two generations may hold. */
const GENERATION_BYTES_MAX = 24 * 1024 * 1024;

/**
 * The bytes of rows, by the identity of the row: rows never change, so bytes never go stale, and go when the row goes. There
 * are two generations; when the younger one is full, the older one is dropped, so that what nobody asks for twice does not stay.
 */
export class RowBodies {
  #young = new Map<Render | undefined, WeakMap<object, RowBody>>();
  #old = new Map<Render | undefined, WeakMap<object, RowBody>>();
  #youngBytes = 0;

  get(row: object, render: Render | undefined): RowBody {
    return this.#young.get(render)?.get(row) ?? this.#keep(row, render);
  }

  #keep(row: object, render: Render | undefined): RowBody {
    const body = this.#old.get(render)?.get(row) ?? makeBody(render === undefined ? row : render(row as never));
    this.#youngBytes += body.lengthBytes + (body.gzip?.length ?? 0) + 300;
    if (this.#youngBytes > GENERATION_BYTES_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    let rows = this.#young.get(render);
    if (rows === undefined) this.#young.set(render, (rows = new WeakMap()));
    rows.set(row, body);
    return body;
  }
}

function makeBody(value: unknown): RowBody {
  const json = JSON.stringify(value);
  return { json, lengthBytes: Buffer.byteLength(json), gzip: undefined, response: undefined };
}
