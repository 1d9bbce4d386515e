// Reads the values of options that several commands have.

import { InvalidArgumentError } from "commander";

/** A port's number, 0 to 65535. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError("A port is a whole number from 0 to 65535; 0 takes a free one.");
  }
  return port;
}

/** A size, 1 byte to 1 GiB. */
export function parseBytes(text: string): number {
  const bytes = Number(text);
  if (!/^\d{1,10}$/.test(text) || bytes < 1 || bytes > 2 ** 30) {
    throw new InvalidArgumentError("A size is a whole number of bytes, from 1 to 1073741824.");
  }
  return bytes;
}

/** Requests per second, 0.1 to 1000. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || rate < 0.1 || rate > 1_000) {
    throw new InvalidArgumentError("The rate is a number of requests per second from 0.1 to 1000.");
  }
  return rate;
}

/** A count, a whole number from 1 to `most`. */
export function parseCount(most: number): (text: string) => number {
  return wholeNumber(1, most);
}

/** A whole number from 0 to `most`. */
export function parseWhole(most: number): (text: string) => number {
  return wholeNumber(0, most);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d{1,9}$/.test(text) || count < least || count > most) {
      throw new InvalidArgumentError(`The value is a whole number from ${least} to ${most}.`);
    }
    return count;
  };
}

/** A host as in the Host header: a name or an address, with or without a port. */
export function parseHost(text: string): string {
  if (!/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(text)) {
    throw new InvalidArgumentError("A host is a name or an address, with or without :PORT.");
  }
  return text;
}

/** Collects the values of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Collects annotations, KEY=VALUE. A later value of a key replaces an earlier one. */
export function collectAnnotation(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key, value] = /^([^\s=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError("Write an annotation as KEY=VALUE.");
  }
  return { ...before, [key]: value };
}
