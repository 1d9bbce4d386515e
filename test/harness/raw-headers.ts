// Headers as they stand on the wire, in the three forms that Node's HTTP modules have for them.

/** A header's name and value; a value's characters stand for its bytes (latin1). */
export type RawHeader = readonly [name: string, value: string];

/** Node's flat list of names and values as pairs. */
export function pairs(raw: readonly string[]): RawHeader[] {
  const result: RawHeader[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return result;
}

/** Values by name, in the order of the first of each name: the form in which Node sends repeated headers. */
export function grouped(headers: readonly RawHeader[]): Map<string, string | string[]> {
  const result = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const values = result.get(name);
    if (values === undefined) result.set(name, [value]);
    else values.push(value);
  }
  // Node refuses a list for headers that can stand once only, such as content-type.
  return new Map(
    [...result].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}
