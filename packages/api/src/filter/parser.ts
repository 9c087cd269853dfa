import type { CollectionNames, CollectionNode, Expression, MatchNode, Operator, SelectorNode } from "./ast.js";
import { Scanner } from "./scanner.js";

/** How deep groups, negations and collections may nest; more than any person writes, less than the stack holds. */
const MAX_DEPTH = 200;

/**
 * Parses a filter expression. Ordered choice as in a PEG: the first alternative that matches is taken.
 *
 *     input      = [ws] or [ws] EOF
 *     or         = and { ws "or" ws and } [ ws "or" ws collection ] | collection
 *     and        = not { ws "and" ws not }
 *     not        = "not" ws not | group
 *     group      = "(" [ws] or [ws] ")" | match
 *     match      = selector [ws] ("==" | "!=") [ws] value
 *                | selector ws ["not" ws] ("contains" | "matches") ws value
 *                | selector ws "is" ws ["not" ws] ("empty" | "nil")
 *                | value ws ["not" ws] "in" ws selector
 *     collection = ("any" | "all") ws selector ws "as" ws names [ws] "{" [ws] or [ws] "}"
 *     names      = id | id "," id | id "," "_" | "_" "," id
 *     value      = selector | number | string
 *
 * @throws SteppeError filterSyntax (400), with the place that the parser could not get past
 */
export function parseFilter(text: string): Expression {
  return new Parser(text).parse();
}

class Parser extends Scanner {
  private depth = 0;

  parse(): Expression {
    this.space();
    const expression = this.or();
    this.space();
    if (expression === undefined || !this.atEnd()) throw this.noMatch();
    return expression;
  }

  private or(): Expression | undefined {
    const first = this.and() ?? this.collection();
    if (first === undefined || isCollection(first)) return first;
    const operands = [first];
    while (!isCollection(operands[operands.length - 1])) {
      const next = this.attempt(() => (this.keyword("or") ? (this.and() ?? this.collection()) : undefined));
      if (next === undefined) break;
      operands.push(next);
    }
    return operands.length === 1 ? first : { kind: "or", operands };
  }

  private and(): Expression | undefined {
    const first = this.not();
    if (first === undefined) return undefined;
    const operands = [first];
    for (;;) {
      const next = this.attempt(() => (this.keyword("and") ? this.not() : undefined));
      if (next === undefined) break;
      operands.push(next);
    }
    return operands.length === 1 ? first : { kind: "and", operands };
  }

  private not(): Expression | undefined {
    const negation = this.attempt(() =>
      this.literal("not") && this.space() ? this.deeper(() => this.not()) : undefined,
    );
    if (negation === undefined) return this.group();
    return negation.kind === "not" ? negation.operand : { kind: "not", operand: negation };
  }

  private group(): Expression | undefined {
    const group = this.attempt(() => {
      if (!this.literal("(")) return undefined;
      this.space();
      const inner = this.deeper(() => this.or());
      this.space();
      if (inner !== undefined && this.atEnd()) throw this.ruleError("grouping", "Unmatched parentheses");
      // A collection in parentheses is a group like any other: it may stand where a comparison may.
      return inner !== undefined && this.literal(")")
        ? isCollection(inner)
          ? { kind: "and" as const, operands: [inner] }
          : inner
        : undefined;
    });
    return group ?? this.match();
  }

  private match(): Expression | undefined {
    return (
      this.attempt(() => {
        const selector = this.selector();
        return selector && (this.binary(selector) ?? this.unary(selector));
      }) ?? this.membership()
    );
  }

  private binary(selector: SelectorNode): MatchNode | undefined {
    const make = (operator: Operator, negated: boolean, value: string | undefined): MatchNode | undefined =>
      value === undefined ? undefined : { kind: "match", selector, operator, negated, value };
    return (
      this.attempt(() => {
        this.space();
        const negated = this.literal("==") ? false : this.literal("!=") ? true : undefined;
        if (negated === undefined) return undefined;
        this.space();
        return make("equal", negated, this.value());
      }) ??
      this.attempt(() => {
        if (!this.space()) return undefined;
        const negated = this.negation();
        const operator = this.literal("contains") ? "in" : this.literal("matches") ? "matches" : undefined;
        return operator && this.space() ? make(operator, negated, this.value()) : undefined;
      })
    );
  }

  private unary(selector: SelectorNode): MatchNode | undefined {
    return this.attempt(() => {
      if (!this.space() || !this.literal("is") || !this.space()) return undefined;
      const negated = this.negation();
      const operator = this.literal("empty") ? "empty" : this.literal("nil") ? "nil" : undefined;
      return operator && { kind: "match", selector, operator, negated, value: "" };
    });
  }

  private membership(): MatchNode | undefined {
    return this.attempt(() => {
      const value = this.value();
      if (value === undefined || !this.space()) return undefined;
      const negated = this.negation();
      const selector = this.literal("in") && this.space() ? this.selector() : undefined;
      return selector && { kind: "match", selector, operator: "in", negated, value };
    });
  }

  private collection(): CollectionNode | undefined {
    return this.attempt(() => {
      const kind = this.literal("any") ? "any" : this.literal("all") ? "all" : undefined;
      if (kind === undefined || !this.space()) return undefined;
      const selector = this.selector();
      const names = selector && this.keyword("as") ? this.names() : undefined;
      if (selector === undefined || names === undefined) return undefined;
      this.space();
      if (!this.literal("{")) return undefined;
      this.space();
      const body = this.deeper(() => this.or());
      this.space();
      return body !== undefined && this.literal("}") ? { kind, selector, names, body } : undefined;
    });
  }

  private names(): CollectionNames | undefined {
    const first = this.literal("_") ? "_" : this.identifier();
    if (first === undefined) return undefined;
    const second = this.attempt(() => {
      this.space();
      if (!this.literal(",")) return undefined;
      this.space();
      return first !== "_" && this.literal("_") ? "_" : this.identifier();
    });
    if (second === undefined) return first === "_" ? undefined : { only: first };
    return { key: first === "_" ? undefined : first, value: second === "_" ? undefined : second };
  }

  /** `ws WORD ws`. */
  private keyword(word: string): boolean {
    return this.space() && this.literal(word) && this.space();
  }

  /** An optional `"not" ws`. */
  private negation(): boolean {
    return this.attempt(() => (this.literal("not") && this.space() ? true : undefined)) ?? false;
  }

  private deeper<T>(parse: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.syntaxError(`expression nests more than ${MAX_DEPTH} levels`);
    const result = parse();
    this.depth -= 1;
    return result;
  }
}

function isCollection(expression: Expression | undefined): boolean {
  return expression?.kind === "any" || expression?.kind === "all";
}
