import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SteppeError } from "@steppe/shared";
import { compileFilter } from "../../src/filter/filter.js";
import { filterRowSchemas, type RowSchema } from "../../src/filter/row-schema.js";

const text: RowSchema = { type: "string", default: "", goType: "string" };
const int: RowSchema = { type: "integer", default: 0, goType: "int" };
const struct = (properties: Record<string, RowSchema>): RowSchema => ({ type: "object", properties });
const map = (additionalProperties: RowSchema): RowSchema => ({ type: "object", additionalProperties, nullable: true });
const list = (items: RowSchema): RowSchema => ({ type: "array", items, nullable: true });
const task = struct({ Name: text, Driver: text });
const schema = struct({
  ...{
    ID: text,
    Name: text,
    Type: text,
    Priority: int,
    Stop: { type: "boolean" },
    P: text,
    Q: text,
    T: text,
    Empty: text,
  },
  ...{ Version: { ...int, goType: "uint64" }, Weight: { type: "number", goType: "float64" }, any: text, Any: text },
  ...{ Tags: list(text), Nums: list(int), None: list(text), NilList: list(text) },
  ...{ Meta: map(text), NilMap: map(struct({ i: int })), M: map(text), MM: map(map(text)) },
  ...{
    Update: { ...struct({ Stagger: int }), nullable: true, default: null },
    In: struct({ Name: text, Deep: struct({ N: int }) }),
  },
  ...{
    Config: map({ goType: "interface {}" }),
    TaskGroups: list(struct({ Name: text, Count: int, Tasks: list(task) })),
  },
  ...{
    TaskStates: map(struct({ State: text })),
    OmittedText: text,
    OmittedMap: map(text),
    OmittedStruct: struct({ N: int }),
  },
});
const job = {
  ...{
    ID: "web",
    Name: "web",
    Type: "service",
    Priority: 50,
    Version: 3,
    Weight: 1.5,
    Stop: false,
    P: "a/b",
    Q: "/a/b",
    T: "x\ty",
  },
  ...{ Tags: ["red", "blue"], Nums: [1, 2], None: [], NilList: null, Update: null, Empty: "", Any: "x", any: "y" },
  ...{
    Meta: { owner: "conf", "k-y": "v", "a.b": "dot" },
    NilMap: null,
    M: {},
    MM: { x: { Name: "in x" } },
    In: { Name: "inner", Deep: { N: 7 } },
  },
  Config: { command: "/bin/sh", args: [1, "two", true], nested: { port: 80 } },
  TaskGroups: [
    {
      Name: "g",
      Count: 2,
      Tasks: [
        { Name: "t", Driver: "raw_exec" },
        { Name: "u", Driver: "docker" },
      ],
    },
    { Name: "h", Count: 1, Tasks: [{ Name: "t", Driver: "docker" }] },
  ],
  TaskStates: { t: { State: "running" }, u: { State: "dead" } },
};

const evaluate = (text: string, row: object = job): unknown => {
  try {
    return compileFilter(text, schema).matches(row);
  } catch (error) {
    expect(error).toBeInstanceOf(SteppeError);
    expect((error as SteppeError).status).toBe(400);
    return (error as SteppeError).message;
  }
};
const SYNTAX = "failed to create result paginator: failed to read filter expression: ";
const EVALUATION = "failed to read result page: ";
const syntax = (problem: string): unknown => expect.stringContaining(SYNTAX + problem);
const failure = (problem: string): unknown => expect.stringContaining(EVALUATION + problem);
const anySyntax = expect.stringMatching(
  /^failed to create result paginator: failed to read filter expression: \d+:\d+ \(\d+\): /,
);
const anyFailure = expect.stringMatching(/^failed to read result page: ./);

describe("grammar", () => {
  test.each<[string, unknown]>([
    ['not ID == "db" and Type == service or Stop == true', true],
    ['ID == "web" or ID == "x" and ID == "y"', true],
    ['(ID == "web" or ID == "x") and ID == "y"', false],
    ["not not ID == web", true],
    ["not ( ID == web )", false],
    ["not(ID == web)", anySyntax],
    [" \t\r\n( ID == web )\n", true],
    ["ID==web", true],
    ["ID!=web", false],
    ["Meta not empty", anySyntax],
    ["Meta is not empty", true],
    ["Tags contains red", true],
    ["Tags not contains red", false],
    ['"red" in Tags', true],
    ['"red" not in Tags', false],
    ["ID matches `^w`", true],
    ["ID not matches `^w`", false],
    ...[
      "Priority < 3",
      "Priority >= 3",
      "ID =~ x",
      "ID == web && Stop == false",
      "ID == web || Stop == true",
      "! ID == web",
    ].map((text): [string, unknown] => [text, anySyntax]),
    ...["ID == web AND ID == web", "ID == web OR ID == web", "NOT ID == web", "Up", "not Up"].map(
      (text): [string, unknown] => [text, anySyntax],
    ),
    ["any TaskGroups as g { g.Count == 2 }", true],
    ["ID == x or any TaskGroups as g { g.Count == 2 }", true],
    ["any TaskGroups as g { g.Count == 2 } or ID == x", anySyntax],
    ["ID == web and any TaskGroups as g { g.Count == 2 }", anySyntax],
    ["not any TaskGroups as g { g.Count == 2 }", anySyntax],
    ["(any TaskGroups as g { g.Count == 2 }) and ID == web", true],
    ["not (any TaskGroups as g { g.Count == 2 })", false],
    ["any TaskGroups as g{g.Count == 2 }", true],
    ["any TaskGroups as g { g.Count == 2}", syntax('1:35 (34): rule "number": Invalid number literal')],
    ["any == y", true],
    [
      " ",
      SYNTAX +
        '1:2 (1): no match found, expected: "(", "-", "0", "\\"", "`", "all", "any", "not", [ \\t\\r\\n], [1-9] or [a-zA-Z]',
    ],
    [
      "Priority > 3",
      SYNTAX +
        '1:10 (9): no match found, expected: "!=", "==", "contains", "in", "is", "matches", "not" or [ \\t\\r\\n]',
    ],
    ["(ID == web", syntax('1:11 (10): rule "grouping": Unmatched parentheses')],
    ['ID == "é" and\n ü', syntax("2:2 (16): no match found")],
    [`${"(".repeat(5000)}ID == web`, syntax("1:202 (201): expression nests more than 200 levels")],
    [`${"not ".repeat(5000)}ID == web`, syntax("")],
    [`ID == web${" and ID == web".repeat(2000)}`, true],
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("selectors", () => {
  test.each<[string, unknown]>([
    ["Meta.owner == conf", true],
    ["Meta.k-y == v", anySyntax],
    ['Meta["k-y"] == v', true],
    ["Meta[`k-y`] == v", true],
    ["Meta[key] == v", syntax('1:6 (5): rule "index": Invalid index')],
    ['Meta["key" == v', syntax('1:12 (11): rule "index": Unclosed index expression')],
    ['"/Meta/k-y" == v', true],
    ['"/Meta/a.b" == dot', true],
    ['v in "/Meta/k-y"', true],
    [
      "id == web",
      failure(`error finding value in datum: /id at part 0: couldn't find key: struct field with name "id"`),
    ],
    ["Tags.0 == red", true],
    ['Tags["1"] == blue', true],
    ["Tags.2 == red", failure("error finding value in datum: /Tags/2 at part 1: index 2 is out of range (length = 2)")],
    ["Tags.x == red", anyFailure],
    ["TaskGroups.0.Tasks.1.Driver == docker", true],
    [
      "In.Nope == 1",
      failure(`error finding value in datum: /In/Nope at part 1: couldn't find key: struct field with name "Nope"`),
    ],
    ["In.Deep.N == 7", true],
    ["toString == 1", failure("error finding value in datum: /toString at part 0")],
    ["In.constructor == 1", failure("error finding value in datum: /In/constructor at part 1")],
    ["Meta.constructor is nil", true],
    ["OmittedText == ``", true],
    ["OmittedText is empty", true],
    ["OmittedMap is nil", true],
    ["OmittedMap.x == y", false],
    ["OmittedStruct.N == 0", true],
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("values and coercion", () => {
  test.each<[string, unknown]>([
    ["ID == web", true],
    ['ID == "web"', true],
    ["ID == `web`", true],
    ["ID == ID", false],
    ["ID == 'web'", anySyntax],
    ['P == "/a/b"', true],
    ['P == "/a~1b"', true],
    ['Q == "/a/b"', false],
    ["Q == `/a/b`", true],
    ["Priority == 50", true],
    ["Priority == -50", false],
    ...["01", "5x", "0x32", "1.2.3"].map((text): [string, unknown] => [`Priority == ${text}`, syntax("1:1")]),
    ...["0x32", "0b110010", "0o62", "062", "5_0", "+50"].map((text): [string, unknown] => [
      `Priority == "${text}"`,
      true,
    ]),
    [
      "Priority == 50.0",
      failure('error getting match value in expression: strconv.ParseInt: parsing "50.0": invalid syntax'),
    ],
    [
      'Priority == "1h"',
      failure('error getting match value in expression: strconv.ParseInt: parsing "1h": invalid syntax'),
    ],
    [
      'Priority == "fifty"',
      EVALUATION + 'error getting match value in expression: strconv.ParseInt: parsing "fifty": invalid syntax',
    ],
    [
      "Priority == 9223372036854775808",
      failure(
        'error getting match value in expression: strconv.ParseInt: parsing "9223372036854775808": value out of range',
      ),
    ],
    ["Version == 3", true],
    ["Version == -1", failure("error getting match value in expression: strconv.ParseUint")],
    ["Weight == 1.5", true],
    ['Weight == "15e-1"', true],
    ["Weight == x", failure("error getting match value in expression: strconv.ParseFloat")],
    ["Stop == false", true],
    ['Stop != "T"', true],
    ["Stop == 0", true],
    [
      "Stop == yes",
      failure('error getting match value in expression: strconv.ParseBool: parsing "yes": invalid syntax'),
    ],
    ['T == "x\\ty"', true],
    ['T == "x\\u0009y"', true],
    ['T == "x\\x09\\171"', true],
    ['ID == "we\\"b"', syntax("1:")],
    ['ID == "we\\q"', syntax('1:13 (12): rule "string": invalid syntax')],
    ['ID == "we\nb"', anySyntax],
    ["ID == `web", syntax('1:8 (7): rule "string": Unterminated string literal')],
    ["ID == WEB", false],
    ...["Tags == red", "Meta == x", "In == x", "Update == x", "Tags != red"].map((text): [string, unknown] => [
      text,
      failure("unable to find suitable primitive comparison function for matching"),
    ]),
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("in, contains, matches, is empty, is nil", () => {
  test.each<[string, unknown]>([
    ["eb in ID", true],
    ["ID contains we", true],
    ["1 in Nums", true],
    ["x in Nums", failure("error getting match value in expression")],
    ["two in Config.args", true],
    ["1 in Config.args", true],
    ["nope in Config.args", false],
    ["80 in Config.nested.port", anyFailure],
    ["Config.nested.port == 80", true],
    ["Config.nested.nope is nil", true],
    ["owner in Meta", true],
    ["conf in Meta", false],
    ["x in NilMap", false],
    ["x not in NilList", true],
    ["x in In", failure("Cannot perform in/contains operations")],
    ["x in Priority", failure("Cannot perform in/contains operations")],
    ["ID matches `^(?i)WEB$`", true],
    ["ID matches `e`", true],
    ["ID matches `\\Aweb\\z`", true],
    ["ID matches `[[:alpha:]]{3}`", true],
    ["ID matches `(?P<n>w)`", true],
    ["ID matches `(?=w)`", failure('failed to compile regular expression "(?=w)": error parsing regexp')],
    ["ID matches `(w)\\1`", failure("failed to compile regular expression")],
    [
      'ID matches "["',
      EVALUATION + 'failed to compile regular expression "[": error parsing regexp: missing closing ]: `[`',
    ],
    ["Tags matches red", anyFailure],
    ["Priority matches red", anyFailure],
    ["Empty is empty", true],
    ["ID is empty", false],
    ["None is empty", true],
    ["NilList is empty", true],
    ["NilMap is empty", true],
    ["M is empty", true],
    ["Meta is not empty", true],
    ["Priority is empty", anyFailure],
    ["In is empty", anyFailure],
    ["NilMap is nil", true],
    ["Meta is nil", false],
    ["None is not nil", true],
    ["Update is nil", true],
    ["In is not nil", true],
    ["ID is nil", anyFailure],
    ["Stop is nil", anyFailure],
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("missing things", () => {
  const byOperator: [string, boolean][] = [
    ["X == a", false],
    ["X != a", true],
    ["a in X", false],
    ["a not in X", true],
    ["X is empty", true],
    ["X is not empty", false],
    ["X matches a", false],
    ["X not matches a", true],
    ["X is nil", true],
    ["X is not nil", false],
  ];
  const paths = ["Meta.nope", "NilMap.nope", "M.nope", "MM.z"];
  test.each(
    paths.flatMap((path) => byOperator.map(([text, result]): [string, boolean] => [text.replace("X", path), result])),
  )("%s", (text, expected) => expect(evaluate(text)).toBe(expected));
  test.each<[string, unknown]>([
    ["any Meta.nope as x { x == 1 }", false],
    ["all Meta.nope as x { x == 1 }", true],
    ["MM.x.Name == `in x`", true],
    ["MM.x.Other is nil", true],
    ["MM.z.i == 1", failure(`error finding value in datum: /MM/z/i at part 1: couldn't find key "z"`)],
    ["NilMap.z.i == 1", anyFailure],
    [
      "Update.Stagger == 1",
      failure("error finding value in datum: /Update/Stagger at part 1: invalid value kind: invalid"),
    ],
    ["ID.x == 1", failure("error finding value in datum: /ID/x at part 1: invalid value kind: string")],
    ["Meta.nope matches `[`", false],
    ["ID == web or Nope == 1", true],
    ["ID == x and Nope == 1", false],
    ["Nope == 1 or ID == web", anyFailure],
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("any and all", () => {
  test.each<[string, unknown]>([
    ["all TaskGroups as g { g.Count == 2 }", false],
    ["all TaskGroups as g { g.Count != 9 }", true],
    ['any TaskGroups as g { "/g/Count" == 2 }', true],
    ["any TaskGroups as i, g { i == 1 and g.Name == h }", true],
    ["any TaskGroups as i , _ { i == 1 }", true],
    ["any TaskGroups as _,g { g.Name == h }", true],
    ["any TaskGroups as _ { ID == web }", anySyntax],
    ["any TaskGroups as _, _ { ID == web }", anySyntax],
    ["any TaskStates as name { name == u }", true],
    ["any TaskStates as name, state { name == u and state.State == dead }", true],
    ["all TaskStates as _, state { state.State == dead }", false],
    ["any TaskGroups as g, g { ID == web }", anyFailure],
    ["any None as g, g { ID == web }", false],
    ["any None as g { ID == web }", false],
    ["all None as g { ID == x }", true],
    ["any NilList as g { ID == web }", false],
    ["any Tags as t { t == blue }", true],
    ["any Tags as ID { ID == blue }", true],
    ["any Tags as k, v { k.X == 1 }", failure("/k references a int so /k/X is invalid")],
    ["any Meta as k { k.X == 1 }", failure("/k references a string so /k/X is invalid")],
    ["any ID as x { x == 1 }", failure("ID is not a list or a map")],
    ["any In as x { x == 1 }", failure("In is not a list or a map")],
    ["any TaskGroups as g { any g.Tasks as t { t.Driver == raw_exec and g.Name == g } }", true],
    ["any TaskGroups as g { all g.Tasks as g { g.Driver == docker } }", true],
    [
      "any TaskGroups as g { g.Nope == 1 }",
      failure(`error finding value in datum: /TaskGroups/0/Nope at part 2: couldn't find key`),
    ],
  ])("%s", (text, expected) => expect(evaluate(text)).toEqual(expected));
});

describe("the filter as a whole", () => {
  test("nodes: what the encoder adds and the secret cannot be seen", () => {
    for (const name of ["Drain", "SecretID"]) {
      const filter = compileFilter(`${name} == true`, filterRowSchemas["nodes"]);
      expect(() => filter.matches({ Drain: true, SecretID: "x" })).toThrow(
        `failed to read result page: error finding value in datum: /${name} at part 0: couldn't find key: struct field with name "${name}"`,
      );
    }
    expect(() => compileFilter("SecretID == x").matches({ SecretID: "x" })).toThrow(
      "error finding value in datum: /SecretID",
    );
  });

  test("rows without a schema have the fields that they hold, and maps by their known names", () => {
    const matches = (expression: string): unknown =>
      compileFilter(expression).matches({ Meta: null, Own: { A: 1 }, TaskGroups: { g: { Promoted: true } } });
    expect(matches("Meta.x is nil and Own.A == 1 and TaskGroups.g.Promoted == true")).toBe(true);
    expect(matches("NextAllocation is empty and TaskGroups.h is nil")).toBe(true);
    expect(() => matches("Own.B == 1")).toThrow("/Own/B at part 1");
    expect(() => matches("constructor == 1")).toThrow("/constructor at part 0");
  });

  test("the real schemas", () => {
    const allocation = { ID: "a", ClientStatus: "running", TaskStates: { t: { State: "running", Failed: false } } };
    const of = (expression: string): boolean =>
      compileFilter(expression, filterRowSchemas["allocations"]).matches(allocation);
    expect(
      of("ClientStatus == running and NextAllocation == `` and TaskStates.t.Failed == false and TaskStates.u is nil"),
    ).toBe(true);
    const job = { Meta: { owner: "conf" }, TaskGroups: [{ Count: 2, Tasks: [{ Config: { args: ["-c", 5] } }] }] };
    const jobs = (expression: string): boolean => compileFilter(expression, filterRowSchemas["jobs"]).matches(job);
    expect(jobs("any TaskGroups as g { g.Count == 2 } ")).toBe(true);
    expect(jobs("(any TaskGroups as g { any g.Tasks as t { 5 in t.Config.args and t.Config.nope is nil } })")).toBe(
      true,
    );
  });

  test("whatever the text, it throws nothing but SteppeError", () => {
    const words = [
      "ID",
      "Meta.a",
      "Tags",
      "==",
      "!=",
      "in",
      "not",
      "is",
      "empty",
      "nil",
      "matches",
      "contains",
      "and",
      "or",
      "any",
      "all",
      "as",
      "x",
      ",",
      "_",
    ];
    const symbols = [
      "{",
      "}",
      "(",
      ")",
      '"',
      "`",
      "[",
      "]",
      ".",
      "1",
      "-",
      " ",
      "\\",
      "*",
      "+",
      '"/a"',
      "TaskGroups",
      "\n",
      "é",
    ];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...words, ...symbols), { maxLength: 25 }).map((parts) => parts.join(" ")),
    );
    fc.assert(
      fc.property(text, (expression) => void evaluate(expression)),
      { numRuns: 2000 },
    );
  });
});
