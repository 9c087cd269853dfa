import type { QueryMeta } from "@steppe/structs";

import type { WriteResult } from "../http/handler.js";

/** The end of a write's answer: a write says nothing about consistency. */
export function writeMeta(index: number): QueryMeta {
  return { Index: index, LastContact: 0, KnownLeader: false, NextToken: "" };
}

/** The end of a read's answer where the body repeats the headers. */
export function readMeta(index: number): QueryMeta {
  return { Index: index, LastContact: 0, KnownLeader: true, NextToken: "" };
}

/** A write's answer with its index in the body and in the header. */
export function written(index: number, fields: Record<string, unknown>): WriteResult {
  return { data: { ...fields, Index: index }, index };
}
