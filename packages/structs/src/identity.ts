import type { Static } from "@sinclair/typebox";
import { bool, duration, list, map, str, struct } from "./schema.js";

/** A workload identity: who may be proven, to whom, and how the token reaches the task. */
export const WorkloadIdentitySchema = struct("WorkloadIdentity", {
  Name: str(),
  Audience: list(str()),
  ChangeMode: str(),
  ChangeSignal: str(),
  Env: bool(),
  File: bool(),
  Filepath: str(),
  ServiceName: str(),
  TTL: duration(),
  ExtraClaims: map(str()),
});
export interface WorkloadIdentity extends Static<typeof WorkloadIdentitySchema> {}
