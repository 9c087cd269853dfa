import { assert } from "@steppe/shared";
import { type Endpoint, type EndpointName, methodsOf } from "@steppe/api";

/** What a path leads to: an endpoint for each of its methods. */
export interface Route {
  readonly methods: ReadonlyMap<string, RouteEndpoint>;
  /** The methods, for the header `Allow`. */
  readonly allow: string;
  readonly wrongMethodStatus: number;
}

export interface RouteEndpoint {
  readonly name: EndpointName;
  readonly endpoint: Endpoint;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

interface MutableRoute extends Route {
  readonly methods: Map<string, RouteEndpoint>;
  allow: string;
  wrongMethodStatus: number;
}

/** A segment's node. A path takes the literal child if there is one, else the parameter, else the greedy parameter. */
interface Node {
  readonly literals: Map<string, Node>;
  param: { readonly name: string; readonly node: Node } | undefined;
  greedy: Greedy | undefined;
  route: MutableRoute | undefined;
}

/** A parameter that takes every segment up to the longest suffix which is declared, or to the end. */
interface Greedy {
  readonly name: string;
  /** By last segment; the longest first. The one without segments has the key "". */
  readonly suffixes: Map<string, Suffix[]>;
  plain: MutableRoute | undefined;
}

interface Suffix {
  readonly segments: readonly string[];
  readonly route: MutableRoute;
}

/**
 * Finds the endpoint of a path. Built from the table once; a look-up is one map access for paths without parameters and a
 * walk over the segments for the others. Express would try 150 layers one after the other, each with its own regular
 * expression, and knows neither 405 nor `Allow`.
 */
export class Router {
  readonly #exact = new Map<string, Match>();
  readonly #root: Node = makeNode();

  constructor(entries: readonly (readonly [EndpointName, Endpoint])[]) {
    for (const [name, endpoint] of entries) this.#add(name, endpoint);
  }

  /** `path` as it was sent, percent-encoded, without a query. Undefined: nothing is there. */
  match(path: string): Match | undefined {
    return this.#exact.get(path) ?? this.#walk(path);
  }

  #add(name: EndpointName, endpoint: Endpoint): void {
    const segments = endpoint.path.slice(1).split("/");
    const route = this.#routeOf(segments);
    for (const method of methodsOf(endpoint)) {
      assert(!route.methods.has(method), `two endpoints for ${method} ${endpoint.path}`);
      route.methods.set(method, { name, endpoint });
    }
    route.allow = [...route.methods.keys()].join(", ");
    route.wrongMethodStatus = endpoint.wrongMethodStatus ?? route.wrongMethodStatus;
    if (!endpoint.path.includes(":")) this.#exact.set(endpoint.path, { route, params: NO_PARAMS });
  }

  #routeOf(segments: readonly string[]): MutableRoute {
    let node = this.#root;
    for (const [position, segment] of segments.entries()) {
      if (segment.endsWith("+")) {
        node.greedy ??= { name: segment.slice(1, -1), suffixes: new Map(), plain: undefined };
        return suffixRoute(node.greedy, segments.slice(position + 1));
      }
      node = segment.startsWith(":") ? paramChild(node, segment.slice(1)) : literalChild(node, segment);
    }
    return (node.route ??= makeRoute());
  }

  #walk(path: string): Match | undefined {
    const segments = path.split("/");
    const params: Record<string, string> = {};
    let node = this.#root;
    let greedy: Greedy | undefined;
    let greedyFrom = 0;
    for (let position = 1; position < segments.length; position++) {
      const segment = segments[position] ?? "";
      if (node.greedy !== undefined) {
        greedy = node.greedy;
        greedyFrom = position;
      }
      const literal = node.literals.get(segment);
      if (literal !== undefined) node = literal;
      else if (node.param !== undefined && segment !== "") {
        params[node.param.name] = decodeSegment(segment);
        node = node.param.node;
      } else return greedy && matchGreedy(greedy, segments, greedyFrom, params);
    }
    if (node.route !== undefined) return { route: node.route, params };
    return greedy && matchGreedy(greedy, segments, greedyFrom, params);
  }
}

function matchGreedy(
  greedy: Greedy,
  segments: readonly string[],
  from: number,
  params: Record<string, string>,
): Match | undefined {
  const last = segments.at(-1) ?? "";
  for (const suffix of greedy.suffixes.get(last) ?? []) {
    const end = segments.length - suffix.segments.length;
    if (end > from && suffixMatches(suffix, segments, end, params)) {
      params[greedy.name] = joinSegments(segments, from, end);
      return { route: suffix.route, params };
    }
  }
  if (greedy.plain === undefined) return undefined;
  const value = joinSegments(segments, from, segments.length);
  if (value === "") return undefined;
  params[greedy.name] = value;
  return { route: greedy.plain, params };
}

function suffixMatches(
  suffix: Suffix,
  segments: readonly string[],
  at: number,
  params: Record<string, string>,
): boolean {
  for (const [offset, expected] of suffix.segments.entries()) {
    const segment = segments[at + offset] ?? "";
    if (!expected.startsWith(":")) {
      if (expected !== segment) return false;
    } else if (segment === "") return false;
    else params[expected.slice(1)] = decodeSegment(segment);
  }
  return true;
}

function joinSegments(segments: readonly string[], from: number, end: number): string {
  if (end - from === 1) return decodeSegment(segments[from] ?? "");
  return segments.slice(from, end).map(decodeSegment).join("/");
}

/** A segment that cannot be decoded stands for itself: it names nothing that exists, and is answered so. */
function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function literalChild(node: Node, segment: string): Node {
  let child = node.literals.get(segment);
  if (child === undefined) node.literals.set(segment, (child = makeNode()));
  return child;
}

function paramChild(node: Node, name: string): Node {
  node.param ??= { name, node: makeNode() };
  assert(node.param.name === name, `one place in a path is called both :${node.param.name} and :${name}`);
  return node.param.node;
}

function suffixRoute(greedy: Greedy, segments: readonly string[]): MutableRoute {
  if (segments.length === 0) return (greedy.plain ??= makeRoute());
  const last = segments.at(-1) ?? "";
  assert(!last.startsWith(":"), "the last segment after a greedy parameter must be literal");
  const list = greedy.suffixes.get(last) ?? [];
  greedy.suffixes.set(last, list);
  const known = list.find((suffix) => suffix.segments.join("/") === segments.join("/"));
  if (known !== undefined) return known.route;
  const route = makeRoute();
  list.push({ segments, route });
  list.sort((a, b) => b.segments.length - a.segments.length);
  return route;
}

function makeNode(): Node {
  return { literals: new Map(), param: undefined, greedy: undefined, route: undefined };
}

function makeRoute(): MutableRoute {
  return { methods: new Map(), allow: "", wrongMethodStatus: 405 };
}
