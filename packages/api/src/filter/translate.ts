/** A pattern that JavaScript's RegExp reads as RE2 does, with a bound on its cost: at most weight * length ** degree steps. */
export interface TranslatedPattern {
  readonly regExp: RegExp;
  readonly weight: number;
  readonly degree: number;
}

/** A translated piece: what it adds to the cost, and whether it can only match at the start of the text. */
interface Piece {
  readonly source: string;
  /** Characters it is made of, repetitions written out. */
  readonly size: number;
  /** Ways to match it at one place: alternatives and bounded repetitions multiply. */
  readonly ways: number;
  /** Unbounded repetitions on one path through it. */
  readonly degree: number;
  readonly anchored: boolean;
  readonly repeatable: boolean;
}

const CLASSES: Readonly<Record<string, string>> = { d: "0-9", w: "0-9A-Za-z_", s: "\\t\\n\\f\\r " };
const CONTROLS: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };
const REPEAT = /\{([0-9]{1,4})(,([0-9]{1,4})?)?\}/y;
const GROUP = /\((?:\?:|\?P?<[A-Za-z_][A-Za-z0-9_]*>)?/y;
const PUNCTUATION = /^[!-/:-@[-`{-~]$/;
/** Above this, a pattern is left to the linear engine. */
const MAX_WEIGHT = 10_000;

/**
 * Translates a pattern that RE2 accepts; undefined where equal meaning or a bound on the cost is not evident: flags other than
 * a leading (?i), unusual classes, and repetition of a group without a bound or around another unbounded repetition.
 */
export function translatePattern(pattern: string): TranslatedPattern | undefined {
  const foldCase = pattern.startsWith("(?i)");
  const translator = new Translator(foldCase ? pattern.slice(4) : pattern, foldCase);
  const whole = translator.translate();
  if (whole === undefined) return undefined;
  const weight = (whole.size + 1) * whole.ways;
  if (weight > MAX_WEIGHT) return undefined;
  // An unanchored pattern is tried at every place of the text, which is one more loop around it.
  return { regExp: new RegExp(whole.source, "u"), weight, degree: whole.degree + (whole.anchored ? 0 : 1) };
}

/** One pass over the pattern. Where a construct is not evidently safe, it gives up for good. */
class Translator {
  private position = 0;

  constructor(
    private readonly pattern: string,
    private readonly foldCase: boolean,
  ) {}

  translate(): Piece | undefined {
    const whole = this.alternation();
    return this.position === this.pattern.length ? whole : undefined;
  }

  private alternation(): Piece | undefined {
    const branches: Piece[] = [];
    do {
      const branch = this.sequence();
      if (branch === undefined) return undefined;
      branches.push(branch);
    } while (this.accept("|"));
    return {
      source: branches.map((branch) => branch.source).join("|"),
      size: sum(branches, (branch) => branch.size),
      ways: sum(branches, (branch) => branch.ways),
      degree: Math.max(...branches.map((branch) => branch.degree)),
      anchored: branches.every((branch) => branch.anchored),
      repeatable: true,
    };
  }

  private sequence(): Piece | undefined {
    let whole: Piece = { source: "", size: 0, ways: 1, degree: 0, anchored: false, repeatable: true };
    while (this.position < this.pattern.length && !"|)".includes(this.peek())) {
      const start = whole.source === "";
      const atom = this.atom();
      const piece = atom && this.repetition(atom);
      if (piece === undefined) return undefined;
      whole = {
        source: whole.source + piece.source,
        size: whole.size + piece.size,
        ways: whole.ways * piece.ways,
        degree: whole.degree + piece.degree,
        anchored: whole.anchored || (start && piece.anchored),
        repeatable: true,
      };
    }
    return whole;
  }

  private repetition(atom: Piece): Piece | undefined {
    const bounds = this.quantifier();
    if (bounds === undefined) return atom;
    const { min, max, source } = bounds;
    const lazy = this.accept("?") ? "?" : "";
    // Only single characters repeat without a bound, and what repeats at all holds no unbounded repetition: no nesting.
    const nested = atom.source.startsWith("(?:");
    if (!atom.repeatable || (nested && max === undefined) || (atom.degree > 0 && max !== 1)) return undefined;
    const times = max ?? min + 1;
    return {
      source: atom.source + source + lazy,
      size: atom.size * Math.max(times, 1),
      ways: atom.ways ** Math.max(times, 1) * (max === undefined ? 1 : max - min + 1),
      degree: atom.degree + (max === undefined ? 1 : 0),
      anchored: false,
      repeatable: false,
    };
  }

  private quantifier(): { min: number; max: number | undefined; source: string } | undefined {
    if (this.accept("*")) return { min: 0, max: undefined, source: "*" };
    if (this.accept("+")) return { min: 1, max: undefined, source: "+" };
    if (this.accept("?")) return { min: 0, max: 1, source: "?" };
    const match = this.take(REPEAT);
    if (match === undefined) return undefined;
    const min = Number(match[1]);
    return {
      min,
      max: match[2] === undefined ? min : match[3] === undefined ? undefined : Number(match[3]),
      source: match[0],
    };
  }

  private atom(): Piece | undefined {
    const char = this.peek();
    switch (char) {
      case "(":
        return this.group();
      case "[":
        return this.characterClass();
      case "\\":
        return this.escape();
      case "^":
        this.position += 1;
        return { ...assertion("^"), anchored: true };
      case "$":
        this.position += 1;
        return assertion("$");
      case ".":
        this.position += 1;
        return character("[^\\n]");
      case "*":
      case "+":
      case "?":
        return undefined;
      default:
        return this.literal(this.nextCharacter());
    }
  }

  private group(): Piece | undefined {
    const opening = this.take(GROUP);
    if (opening === undefined || (opening[0] === "(" && this.peek() === "?")) return undefined;
    const inner = this.alternation();
    return inner && this.accept(")") ? { ...inner, source: `(?:${inner.source})` } : undefined;
  }

  private escape(): Piece | undefined {
    const letter = this.pattern[this.position + 1] ?? "";
    this.position += 2;
    // Under (?i) RE2 folds these classes too: \w holds the Kelvin sign then. Left to RE2.
    if (this.foldCase && /[dws]/i.test(letter)) return undefined;
    const set = CLASSES[letter];
    if (set !== undefined) return character(`[${set}]`);
    const complement = CLASSES[letter.toLowerCase()];
    if (complement !== undefined) return character(`[^${complement}]`);
    if (letter === "A") return { ...assertion("^"), anchored: true };
    if (letter === "z") return assertion("$");
    if (letter === "b") return assertion("\\b");
    const control = CONTROLS[letter] ?? (PUNCTUATION.test(letter) ? letter : undefined);
    return control === undefined ? undefined : character(encode(control));
  }

  /** `[a-z0-9_.-]`, negated or not: characters, ranges and the simple escapes. */
  private characterClass(): Piece | undefined {
    if (this.foldCase) return undefined;
    this.position += 1;
    let source = this.accept("^") ? "[^" : "[";
    if (this.peek() === "]") return undefined;
    while (!this.accept("]")) {
      const item = this.classItem();
      if (item === undefined) return undefined;
      source += item;
    }
    return character(`${source}]`);
  }

  private classItem(): string | undefined {
    const set = this.peek() === "\\" ? CLASSES[this.pattern[this.position + 1] ?? ""] : undefined;
    if (set !== undefined) {
      this.position += 2;
      return this.peek() === "-" ? undefined : set;
    }
    const from = this.classCharacter();
    if (from === undefined || this.peek() !== "-") return from;
    this.position += 1;
    if (this.peek() === "]") return `${from}${encode("-")}`;
    const to = this.classCharacter();
    return to === undefined ? undefined : `${from}-${to}`;
  }

  private classCharacter(): string | undefined {
    const char = this.nextCharacter();
    if (char === "" || char === "[" || char === "]") return undefined;
    if (char !== "\\") return encode(char);
    const letter = this.nextCharacter();
    const control = CONTROLS[letter] ?? (PUNCTUATION.test(letter) ? letter : undefined);
    return control === undefined ? undefined : encode(control);
  }

  private literal(char: string): Piece | undefined {
    if (!this.foldCase || !/\p{L}|\p{M}/u.test(char)) return character(encode(char));
    // Two letters of ASCII fold to a third character; letters beyond ASCII are left to RE2's own tables.
    if (!/^[A-Za-z]$/.test(char)) return undefined;
    const extra = { k: "\\u{212a}", s: "\\u{17f}" }[char.toLowerCase()] ?? "";
    return character(`[${char.toLowerCase()}${char.toUpperCase()}${extra}]`);
  }

  private peek(): string {
    return this.pattern[this.position] ?? "";
  }

  private nextCharacter(): string {
    const code = this.pattern.codePointAt(this.position);
    if (code === undefined) return "";
    const char = String.fromCodePoint(code);
    this.position += char.length;
    return char;
  }

  private accept(char: string): boolean {
    if (this.peek() !== char) return false;
    this.position += 1;
    return true;
  }

  private take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.position;
    const match = expression.exec(this.pattern);
    if (match === null) return undefined;
    this.position += match[0].length;
    return match;
  }
}

function character(source: string): Piece {
  return { source, size: 1, ways: 1, degree: 0, anchored: false, repeatable: true };
}

function assertion(source: string): Piece {
  return { source, size: 1, ways: 1, degree: 0, anchored: false, repeatable: false };
}

/** A character that stands for itself, in a class or outside. */
function encode(char: string): string {
  return /^[A-Za-z0-9 ]$/.test(char) ? char : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

function sum(pieces: readonly Piece[], of: (piece: Piece) => number): number {
  return pieces.reduce((total, piece) => total + of(piece), 0);
}
