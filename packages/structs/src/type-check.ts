import type { TSchema } from "@sinclair/typebox";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { errors } from "./errors.js";
import { nodeOf, type SchemaNode } from "./schema-node.js";

/**
 * Checks normalized input against its schema with ajv, compiled at the first use (tens of milliseconds for a job: agents call
 * `warmSchemas` at start). Keys may be missing, which `fill` mends; types must be right.
 */
export function checkTypes(schema: TSchema, value: unknown): void {
  const validate = validatorOf(schema);
  if (validate(value)) return;
  throw typeError(schema, (validate.errors ?? [])[0] as ErrorObject, value);
}

const validators = new WeakMap<object, ValidateFunction>();

/** Every struct is a schema of its own under a name, so that it is compiled once, whoever refers to it. */
const structNames = new Map<object, string>();
let ajv: Ajv | undefined;

function validatorOf(schema: TSchema): ValidateFunction {
  let validate = validators.get(schema);
  if (!validate) {
    ajv ??= new Ajv({
      strict: false,
      validateFormats: false,
      inlineRefs: false,
      // Optimizing the code takes half of the time that an agent needs to start, and gains nothing that could be measured.
      code: { optimize: false },
      meta: false,
      validateSchema: false,
    });
    validate = ajv.compile(inputSchema(ajv, nodeOf(schema)));
    validators.set(schema, validate);
  }
  return validate;
}

/** Compiles the checks of these schemas now rather than in a request. */
export function warmSchemas(schemas: readonly TSchema[]): void {
  for (const schema of schemas) validatorOf(schema);
}

/** The schema without its required keys. */
function inputSchema(target: Ajv, node: SchemaNode): object {
  const { type, items, properties, additionalProperties, minimum, nullable, goType = "" } = node;
  if (properties) return { $ref: structName(target, properties, goType) };
  return {
    ...(nullable ? { nullable } : {}),
    ...(type ? { type } : {}),
    ...(minimum === undefined ? {} : { minimum }),
    ...(items ? { items: inputSchema(target, items) } : {}),
    ...(additionalProperties ? { additionalProperties: inputSchema(target, additionalProperties) } : {}),
  };
}

function structName(target: Ajv, properties: Readonly<Record<string, SchemaNode>>, goType: string): string {
  const known = structNames.get(properties);
  if (known !== undefined) return known;
  const name = `${goType}-${structNames.size}`;
  structNames.set(properties, name);
  const converted = Object.fromEntries(
    Object.entries(properties).map(([key, property]) => [key, inputSchema(target, property)]),
  );
  target.addSchema({ $id: name, type: "object", properties: converted, nullable: true });
  return name;
}

/** Go's text for a value of the wrong type: the struct, the path of fields from the root, and the field's type. */
function typeError(root: TSchema, failure: ErrorObject, value: unknown): Error {
  let node: SchemaNode | undefined = nodeOf(root);
  let at = value;
  let structName = "";
  const path: string[] = [];
  for (const part of failure.instancePath.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    at = (at as Record<string, unknown>)[key];
    if (node?.properties) {
      structName = node.goType ?? "";
      path.push(key);
      node = node.properties[key];
    } else node = node?.items ?? node?.additionalProperties;
  }
  const place = structName === "" ? "value" : `struct field ${structName}.${path.join(".")}`;
  return errors.wrongType({ value: kindOf(at), place, type: goTypeOf(node) });
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  if (typeof value !== "number") return typeof value;
  return Number.isInteger(value) && value >= 0 ? "number" : `number ${value}`;
}

function goTypeOf(node: SchemaNode | undefined): string {
  if (node?.items) return `[]${elementType(node.items)}`;
  if (node?.properties) return `api.${node.goType}`;
  if (node?.additionalProperties) return `map[string]${elementType(node.additionalProperties)}`;
  return node?.goType ?? "interface {}";
}

const elementType = (node: SchemaNode): string => (node.properties ? `*${goTypeOf(node)}` : goTypeOf(node));
