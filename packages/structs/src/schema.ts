import {
  type Static,
  type TObject,
  type TOptional,
  type TProperties,
  type TSchema,
  type TUnsafe,
  Type,
} from "@sinclair/typebox";

/**
 * Builders for the schemas of the API's shapes. One declaration gives the TypeScript type, the JSON schema that ajv compiles, the
 * decoder (key matching, order, zero values) and the names that type errors print.
 *
 * Two things follow Go's JSON rules and hold for every shape: a key that is required is always present with its `default` as zero value,
 * and a key made with `omit` is left out while it is empty.
 */

/** A text; `""` unless told. */
export const str = (zero = ""): TUnsafe<string> =>
  Type.Unsafe<string>({ type: "string", default: zero, goType: "string" });

/** A truth value; false unless told. */
export const bool = (zero = false): TUnsafe<boolean> =>
  Type.Unsafe<boolean>({ type: "boolean", default: zero, goType: "bool" });

/** A whole number that may be negative. */
export const int = (zero = 0): TUnsafe<number> =>
  Type.Unsafe<number>({ type: "integer", default: zero, goType: "int" });

/** A whole number of at least 0: indexes and versions. */
export const uint = (zero = 0): TUnsafe<number> =>
  Type.Unsafe<number>({ type: "integer", minimum: 0, default: zero, goType: "uint64" });

/** Nanoseconds since the Unix epoch. */
export const nanos = (): TUnsafe<number> => Type.Unsafe<number>({ type: "integer", default: 0, goType: "int64" });

/** A length of time in nanoseconds. */
export const duration = (zero = 0): TUnsafe<number> =>
  Type.Unsafe<number>({ type: "integer", default: zero, goType: "time.Duration" });

/** Any number. */
export const float = (): TUnsafe<number> => Type.Unsafe<number>({ type: "number", default: 0, goType: "float64" });

/** A time in RFC 3339; the zero time is year 1, as Go prints it. */
export const time = (): TUnsafe<string> =>
  Type.Unsafe<string>({ type: "string", default: ZERO_TIME, goType: "time.Time" });

/** How Go prints a `time.Time` that was never set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Any JSON value, handed through as it is. */
export const any = <T = unknown>(): TUnsafe<T> => Type.Unsafe<T>({ default: null, goType: "interface {}" });

/** A struct: its fields in the order in which they are printed. `goType` is the name that type errors print. */
export const struct = <P extends TProperties>(goType: string, fields: P): TObject<P> => Type.Object(fields, { goType });

/** The schema's value or null, which is also the zero value. */
export const ptr = <S extends TSchema>(schema: S): TUnsafe<Static<S> | null> =>
  Type.Unsafe<Static<S> | null>({ ...schema, nullable: true, default: null });

/** A list or null, which is the zero value. */
export const list = <S extends TSchema>(items: S): TUnsafe<Static<S>[] | null> =>
  Type.Unsafe<Static<S>[] | null>({ type: "array", items, nullable: true, default: null });

/** A map with texts as keys, or null, which is the zero value. */
export const map = <S extends TSchema>(values: S): TUnsafe<Record<string, Static<S>> | null> =>
  Type.Unsafe<Record<string, Static<S>> | null>({
    type: "object",
    additionalProperties: values,
    nullable: true,
    default: null,
  });

/** A list whose zero value is the empty list: never null once canonical. */
export const always = <T>(schema: TUnsafe<T | null>, zero: T): TUnsafe<T> =>
  Type.Unsafe<T>({ ...schema, default: zero });

/** A key that is left out while its value is empty (null, "", 0, false, [] or {}). */
export const omit = <S extends TSchema>(schema: S): TOptional<TUnsafe<Static<S> | undefined>> =>
  Type.Optional(Type.Unsafe<Static<S> | undefined>({ ...schema }));

/** What a client may send for a shape: every key may be missing or null. */
export type Input<T> = T extends (infer U)[]
  ? Input<U>[]
  : T extends object
    ? { [K in keyof T]?: Input<NonNullable<T[K]>> | null | undefined }
    : T;
