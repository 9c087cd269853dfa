/** Query parameters; undefined ones are left out, booleans print as `true` and `false`. */
export type QueryValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** `path` with the parameters appended; `path` may have a query of its own. */
export function withQuery(path: string, values: QueryValues | undefined): string {
  if (!values) return path;
  const parts: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  }
  if (parts.length === 0) return path;
  return `${path}${path.includes("?") ? "&" : "?"}${parts.join("&")}`;
}

/** What the answer's headers say about the state that it was read from. */
export interface AnswerMeta {
  /** `X-Nomad-Index`: pass it to the next blocking query; 0 where the header is missing. */
  index: number;
  knownLeader: boolean;
  lastContactMs: number;
  /** The token of the next page; empty on the last one. */
  nextToken: string;
}

/** Reads the X-Nomad headers out of Node's lower-cased header object. */
export function answerMeta(headers: Readonly<Record<string, string | string[] | undefined>>): AnswerMeta {
  const text = (name: string): string => {
    const value = headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? "";
  };
  return {
    index: Number(text("x-nomad-index")) || 0,
    knownLeader: text("x-nomad-knownleader") === "true",
    lastContactMs: Number(text("x-nomad-lastcontact")) || 0,
    nextToken: text("x-nomad-nexttoken"),
  };
}
