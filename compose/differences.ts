// Finds the places in which two values of JSON differ. Pure.

type Path = readonly PropertyKey[];

/** What to say of two values at a place; undefined where they are compared like all others. */
export type Special = (before: unknown, after: unknown, path: Path) => readonly Path[] | undefined;

/**
 * The innermost places that differ. A list of another length is one place. An undefined key is not
 * there.
 * @param special asked before each pair is compared
 */
export function differences(
  before: unknown,
  after: unknown,
  path: Path = [],
  special: Special = () => undefined,
): readonly Path[] {
  if (Object.is(before, after)) return [];
  const told = special(before, after, path);
  if (told !== undefined) return told;
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [path];
    return before.flatMap((item, i) => differences(item, after[i], [...path, i], special));
  }
  if (!isObject(before) || !isObject(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key], special));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
