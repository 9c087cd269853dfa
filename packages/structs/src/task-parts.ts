import type { Static } from "@sinclair/typebox";
import { bool, duration, int, list, map, omit, ptr, str, struct } from "./schema.js";

/** Rotation of a task's logs. `Enabled` is the older, inverted spelling of `Disabled`: read, not stored. */
export const LogConfigSchema = struct("LogConfig", {
  MaxFiles: int(10),
  MaxFileSizeMB: int(10),
  Disabled: bool(),
  Enabled: omit(ptr(bool())),
});
export interface LogConfig extends Static<typeof LogConfigSchema> {}

export const ArtifactSchema = struct("TaskArtifact", {
  GetterSource: str(),
  GetterOptions: map(str()),
  GetterHeaders: map(str()),
  GetterMode: str("any"),
  GetterInsecure: bool(),
  RelativeDest: str(),
  Chown: bool(),
});
export interface Artifact extends Static<typeof ArtifactSchema> {}

export const ChangeScriptSchema = struct("ChangeScript", {
  Command: str(),
  Args: list(str()),
  Timeout: duration(5e9),
  FailOnError: bool(),
});
export const WaitConfigSchema = struct("WaitConfig", { Min: ptr(duration()), Max: ptr(duration()) });

export const TemplateSchema = struct("Template", {
  SourcePath: str(),
  DestPath: str(),
  EmbeddedTmpl: str(),
  ChangeMode: str("restart"),
  ChangeSignal: str(),
  ChangeScript: ptr(ChangeScriptSchema),
  Splay: duration(5e9),
  Perms: str("0644"),
  Uid: ptr(int()),
  Gid: ptr(int()),
  LeftDelim: str("{{"),
  RightDelim: str("}}"),
  Envvars: bool(),
  VaultGrace: duration(),
  Wait: ptr(WaitConfigSchema),
  Once: bool(),
  ErrMissingKey: bool(),
});
export interface Template extends Static<typeof TemplateSchema> {}

export const VaultSchema = struct("Vault", {
  Role: str(),
  Policies: list(str()),
  Namespace: str(),
  Cluster: str("default"),
  Env: bool(true),
  DisableFile: bool(),
  ChangeMode: str("restart"),
  ChangeSignal: str(),
  AllowTokenExpiration: bool(),
});
export interface Vault extends Static<typeof VaultSchema> {}

export const ConsulSchema = struct("Consul", { Namespace: str(), Cluster: str("default"), Partition: str() });
export interface Consul extends Static<typeof ConsulSchema> {}

export const VolumeMountSchema = struct("VolumeMount", {
  Volume: str(),
  Destination: str(),
  ReadOnly: bool(),
  PropagationMode: str("private"),
  SELinuxLabel: str(),
});
export interface VolumeMount extends Static<typeof VolumeMountSchema> {}

export const CSIPluginConfigSchema = struct("TaskCSIPluginConfig", {
  ID: str(),
  Type: str(),
  MountDir: str("/csi"),
  StagePublishBaseDir: str("/local/csi"),
  HealthTimeout: duration(30e9),
});

export const ActionSchema = struct("Action", { Name: str(), Command: str(), Args: list(str()) });
export const ScheduleSchema = struct("TaskSchedule", {
  Cron: ptr(struct("TaskScheduleCron", { Start: str(), End: str(), Timezone: str() })),
});
export const SecretSchema = struct("Secret", {
  Name: str(),
  Provider: str(),
  Path: str(),
  Config: map(str()),
  Env: map(str()),
});
