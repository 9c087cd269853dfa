import type { TSchema } from "@sinclair/typebox";

/** The JSON-schema keywords that the builders of `schema.ts` use. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode;
  readonly nullable?: boolean;
  readonly minimum?: number;
  /** The zero value. */
  readonly default?: unknown;
  /** What type errors call it. */
  readonly goType?: string;
}

/** A schema as plain data, to be walked. */
export const nodeOf = (schema: TSchema): SchemaNode => schema;
