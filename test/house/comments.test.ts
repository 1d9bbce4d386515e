// Comments are short enough to be read.

import { expect, test } from "vitest";
import { TRACKED, textOf } from "./tracked.js";

const MAX_COLUMNS = 100;

const SOURCES = TRACKED.filter((file) => /\.[jt]s$/.test(file));

/** Whether a line is a comment, or ends in one. */
function hasComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*)/.test(line) || /[;,{}()]\s+\/\/\s/.test(line);
}

test.each([
  ["// alone", true],
  ["  /** Documents. */", true],
  ["   * Goes on.", true],
  ["const a = 1; // behind code", true],
  ['const url = "http://127.0.0.1";', false],
  ["const half = a / 2;", false],
])("it is known whether %j has a comment", (line, expected) => {
  expect(hasComment(line)).toBe(expected);
});

test(`no comment is wider than ${MAX_COLUMNS} columns`, () => {
  const wide = SOURCES.flatMap((file) =>
    textOf(file)
      .split("\n")
      .flatMap((line, i) => (line.length > MAX_COLUMNS && hasComment(line) ? [`${file}:${i + 1}`] : [])),
  );
  expect(wide).toEqual([]);
});
