// The error messages when certificates cannot be made.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isMissing, needs } from "../../test/support/tools.js";
import { makeAuthority } from "./certificates.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("without openssl the error says how to get it", () => {
  vi.stubEnv("PATH", "/nowhere");
  expect(() => makeAuthority(tmpdir())).toThrow(
    expect.objectContaining({
      code: "tool-missing",
      message: expect.stringMatching(/need the program openssl.*apt-get install openssl/),
    }),
  );
});

describe.skipIf(isMissing("openssl"))(`with openssl ${needs("openssl")}`, () => {
  test("a folder that does not exist is refused", () => {
    expect(() => makeAuthority(join(tmpdir(), "no", "such", "folder"))).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringMatching(/^openssl req refuses: /) }),
    );
  });
});
