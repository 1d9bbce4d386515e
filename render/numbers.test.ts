import { expect, test } from "vitest";
import { z } from "zod";
import type { Json } from "../envoy/config/json.js";
import { checkDocument } from "../envoy/document.js";
import { refuseInexactNumbers } from "./numbers.js";

function refuse(text: string) {
  const checked = checkDocument(text, z.unknown(), "f.yaml");
  if (!checked.ok) throw new Error(checked.lines.join());
  refuseInexactNumbers("my-filter", checked.value as Json, checked.placeOf);
}

test("every number that would change is named with its line", () => {
  const text = "rules:\n  - from: 1\n    to: 9007199254740993\nodd key: -123456789012345678\n";
  expect(() => refuse(text)).toThrow(
    expect.objectContaining({
      code: "configuration",
      message: expect.stringMatching(
        /^my-filter configuration refused: f\.yaml:3:5: rules\[0\]\.to: 9007199254740992 is beyond 2\^53/,
      ),
      details: [expect.stringMatching(/^f\.yaml:4:1: \["odd key"\]: -123456789012345680 /)],
    }),
  );
});

test.each([
  "a: 9007199254740991",
  "a: -9007199254740991",
  "a: 0.1",
  "a: '9007199254740993'",
  "a: []",
  "a:",
  "7",
])("%s stays as it is", (text) => {
  expect(() => refuse(text)).not.toThrow();
});

test("a power of ten that is a whole number is refused too", () => {
  expect(() => refuse("a: 1e24")).toThrow("f.yaml:1:1: a: 1e+24");
});
