/**
 * The number that Raft knows a server by: the first 13 hexadecimal digits (52 bits) of its UUID, which fit a safe integer. Of these 48 are
 * random in a version 4 UUID; two servers of one cluster that share them are refused when the second one is added.
 */
export function raftIdOf(uuid: string): number {
  const id = Number.parseInt(uuid.replaceAll("-", "").slice(0, 13), 16);
  if (!Number.isSafeInteger(id) || id <= 0) throw new RangeError(`${JSON.stringify(uuid)} is not a UUID`);
  return id;
}
