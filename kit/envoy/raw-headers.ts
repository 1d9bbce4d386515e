// Headers as they are on the wire, in the three forms that Node's HTTP modules use.

import type { HeaderList } from "../traffic.js";

/** Node's flat list of names and values, as pairs. */
export function pairs(raw: readonly string[]): HeaderList {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return result;
}

/**
 * Values by name, in the order in which the names first appear. Node sends repeated headers in this
 * form.
 */
export function grouped(headers: HeaderList): Record<string, string | string[]> {
  const result = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const values = result.get(name);
    if (values === undefined) result.set(name, [value]);
    else values.push(value);
  }
  // Node refuses a list for a header that must not repeat, such as content-type.
  return Object.fromEntries(
    [...result].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}

/** The first value of a header, in any case of its name. */
export function firstValue(headers: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find(([other]) => other.toLowerCase() === wanted)?.[1];
}
