import { mkdir, open, readFile, rename } from "node:fs/promises";
import * as path from "node:path";

import { errorMessage, type Random } from "@steppe/shared";

import { errors } from "./errors.js";

/** Who this node is to the servers. The secret authorizes its requests and never appears in a log. */
export interface NodeIdentity {
  nodeId: string;
  secretId: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Reads the identity out of `directory`, or makes one on a node's first start. Both files are private to the
 * agent's user and synced before use: a node that forgot its id would come back as another node.
 */
export async function loadIdentity(directory: string, random: Random): Promise<NodeIdentity> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  return {
    nodeId: await loadId(path.join(directory, "client-id"), random),
    secretId: await loadId(path.join(directory, "secret-id"), random),
  };
}

async function loadId(file: string, random: Random): Promise<string> {
  let text: string;
  try {
    text = (await readFile(file, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw errors.identityUnreadable({ file, reason: errorMessage(error) }, error);
    const id = random.uuid();
    await writeSynced(file, id);
    return id;
  }
  // A damaged file must not silently turn this machine into a new node while its tasks still run.
  if (!UUID.test(text)) throw errors.identityUnreadable({ file, reason: "not a UUID" });
  return text;
}

async function writeSynced(file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
