/** A parsed version: numeric segments (padded to three), pre-release identifiers, and how many segments were written. */
interface Version {
  readonly segments: readonly number[];
  readonly prerelease: string;
  readonly written: number;
}

interface VersionConstraint {
  readonly operator: string;
  readonly version: Version;
}

const LOOSE = /^v?(\d+(?:\.\d+)*)(?:-?([0-9A-Za-z~][0-9A-Za-z~.-]*))?(?:\+[0-9A-Za-z~.-]+)?$/;
const STRICT = /^v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z][0-9A-Za-z.-]*))?(?:\+[0-9A-Za-z.-]+)?$/;
const PART = /^\s*(>=|<=|!=|~>|=|>|<|)\s*(\S+)\s*$/;

/**
 * Whether a version satisfies a comma-separated list of constraints (`>= 1.2, < 2`), as Nomad's `version` operator
 * does (`~>` is allowed, a pre-release only matches a constraint that names one of the same version) or, when strict, as its
 * `semver` operator does (pre-releases are ordered as Semantic Versioning orders them). False where either does not parse.
 */
export function versionSatisfies(versionText: string, constraintText: string, strict: boolean): boolean {
  const version = parseVersion(versionText.trim(), strict);
  if (!version) return false;
  for (const part of constraintText.split(",")) {
    const constraint = parseConstraint(part, strict);
    if (!constraint || !satisfies(version, constraint, strict)) return false;
  }
  return true;
}

/** Whether every part of the constraint text parses. */
export function versionConstraintValid(constraintText: string, strict: boolean): boolean {
  return constraintText.split(",").every((part) => parseConstraint(part, strict) !== undefined);
}

function parseConstraint(text: string, strict: boolean): VersionConstraint | undefined {
  const match = PART.exec(text);
  if (!match || (strict && match[1] === "~>")) return undefined;
  const version = parseVersion(match[2] ?? "", strict);
  return version && { operator: match[1] || "=", version };
}

function parseVersion(text: string, strict: boolean): Version | undefined {
  const match = (strict ? STRICT : LOOSE).exec(text);
  if (!match) return undefined;
  const segments = (match[1] ?? "").split(".").map(Number);
  const written = segments.length;
  while (segments.length < 3) segments.push(0);
  return { segments, prerelease: match[2] ?? "", written };
}

function satisfies(version: Version, { operator, version: bound }: VersionConstraint, strict: boolean): boolean {
  const order = compare(version, bound);
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "~>":
      return prereleaseComparable(version, bound) && order >= 0 && sharesPrefix(version, bound);
  }
  if (!strict && !prereleaseComparable(version, bound)) return false;
  if (operator === ">") return order > 0;
  if (operator === ">=") return order >= 0;
  if (operator === "<") return order < 0;
  return order <= 0;
}

/** A pre-release is only compared with a bound that is a pre-release of the very same version. */
function prereleaseComparable(version: Version, bound: Version): boolean {
  if (version.prerelease === "") return true;
  return bound.prerelease !== "" && compareSegments(version, bound) === 0;
}

/** `~> 1.2.3` lets the last written segment grow and fixes the ones before it. */
function sharesPrefix(version: Version, bound: Version): boolean {
  for (let i = 0; i < bound.written - 1; i++) {
    if ((version.segments[i] ?? 0) !== bound.segments[i]) return false;
  }
  return true;
}

function compare(a: Version, b: Version): number {
  return compareSegments(a, b) || comparePrerelease(a.prerelease, b.prerelease);
}

function compareSegments(a: Version, b: Version): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let i = 0; i < length; i++) {
    const difference = (a.segments[i] ?? 0) - (b.segments[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePrerelease(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return 1;
  if (b === "") return -1;
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numeric identifiers order by number and come before words; fewer identifiers come first. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const aNumeric = /^\d+$/.test(a);
  const bNumeric = /^\d+$/.test(b);
  if (aNumeric && bNumeric) return Number(a) - Number(b);
  if (aNumeric !== bNumeric) return aNumeric ? -1 : 1;
  return a < b ? -1 : 1;
}
