// What is read from a command line, from headers and from hosts' names.

import { describe, expect, test } from "vitest";
import { parseChallenges } from "./challenge.js";
import { ownWords, shown } from "./errors.js";
import { isLoopback, isPrivateAddress } from "./loopback.js";
import { parseReference } from "./reference.js";
import { resolveLocation } from "./transport.js";

const DIGEST = `sha256:${"ab".repeat(32)}`;

describe("a reference", () => {
  test.each([
    ["registry.example/mesh/edge:1.0", { registry: "registry.example", repository: "mesh/edge", tag: "1.0" }],
    ["localhost:5000/edge", { registry: "localhost:5000", repository: "edge" }],
    ["localhost/edge", { registry: "localhost", repository: "edge" }],
    ["[::1]:5000/edge:a", { registry: "[::1]:5000", repository: "edge", tag: "a" }],
    ["oci://ghcr.io/a/b-c__d.e:1_2.3-4", { registry: "ghcr.io", repository: "a/b-c__d.e", tag: "1_2.3-4" }],
    [`r.example/a:1@${DIGEST}`, { registry: "r.example", repository: "a", tag: "1", digest: DIGEST }],
    [
      "docker.io/edge:1",
      { registry: "docker.io", host: "registry-1.docker.io", repository: "library/edge", tag: "1" },
    ],
    [
      "index.docker.io/shop/edge",
      { registry: "docker.io", host: "registry-1.docker.io", repository: "shop/edge" },
    ],
  ])("%s", (text, parts) => {
    expect(parseReference(text)).toEqual({ host: parts.registry, ...parts });
  });

  test.each([
    ["edge", "name the registry, as in registry.example/mesh/header-routing:1.0.0"],
    ["shop/edge:1", "name the registry, as in registry.example/mesh/header-routing:1.0.0"],
    ["https://r.example/edge", "name the registry, as in registry.example/mesh/header-routing:1.0.0"],
    ["user:secret@r.example/edge", "name the registry, as in registry.example/mesh/header-routing:1.0.0"],
    ["r.example:99999/edge", "name the registry, as in registry.example/mesh/header-routing:1.0.0"],
    ["r.example/Edge", '"Edge" is no repository: use lower-case letters, digits and / . _ -'],
    ["r.example/../x", '"../x" is no repository: use lower-case letters, digits and / . _ -'],
    ["r.example/", '"" is no repository: use lower-case letters, digits and / . _ -'],
    ["r.example/a?b=c", '"a?b=c" is no repository: use lower-case letters, digits and / . _ -'],
    ["r.example/a:", '"" is no tag: use up to 128 letters, digits and _ . -'],
    ["r.example/a:b/c", '"b/c" is no tag: use up to 128 letters, digits and _ . -'],
    ["r.example/a@sha256:12", "a digest is sha256: and 64 hexadecimal digits"],
  ])("%s is refused", (text, why) => {
    const told = expect.objectContaining({ code: "usage", message: `${text}: ${why}` });
    expect(() => parseReference(text)).toThrow(told);
  });
});

describe("challenges", () => {
  test.each([
    ['Basic realm="lab"', [{ scheme: "basic", parameters: { realm: "lab" } }]],
    [
      'Bearer realm="https://a/t",service="x, y",scope="repository:a:pull,push", Basic realm=lab',
      [
        {
          scheme: "bearer",
          parameters: { realm: "https://a/t", service: "x, y", scope: "repository:a:pull,push" },
        },
        { scheme: "basic", parameters: { realm: "lab" } },
      ],
    ],
    [
      'Negotiate, BEARER Realm="a \\"b\\""',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "bearer", parameters: { realm: 'a "b"' } },
      ],
    ],
    ["", []],
    ['realm="lost"', []],
    ['Basic realm="open', [{ scheme: "basic", parameters: {} }]],
  ])("of %j", (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });

  test("of a long and hostile header take no long time", () => {
    expect(parseChallenges(`Bearer ${'a="\\'.repeat(50_000)}`).length).toBe(1);
  });
});

test("this machine's own addresses are known, and names that only look like them are not", () => {
  for (const host of ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
    expect(isLoopback(host)).toBe(true);
  for (const host of ["127.0.0.1.example", "localhost.example", "10.0.0.1", "[::2]", "128.0.0.1"])
    expect(isLoopback(host)).toBe(false);
  for (const host of [
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.1.1",
    "[fd00::1]",
    "[fe80::1]",
    "localhost",
  ]) {
    expect(isPrivateAddress(host)).toBe(true);
  }
  for (const host of ["172.32.0.1", "8.8.8.8", "auth.example", "10.example"])
    expect(isPrivateAddress(host)).toBe(false);
});

describe("an address that a registry gives", () => {
  const from = (text: string) => new URL(text);
  test("is relative to the one that was asked, and brings no login of its own", () => {
    expect(resolveLocation(from("https://r.example/v2/"), "/x?y=1").href).toBe("https://r.example/x?y=1");
    expect(resolveLocation(from("https://r.example/v2/"), "https://u:p@s.example/x").href).toBe(
      "https://s.example/x",
    );
    expect(resolveLocation(from("http://127.0.0.1:5000/v2/"), "http://localhost:6000/x").href).toBe(
      "http://localhost:6000/x",
    );
  });

  test.each([
    ["https://r.example/", "http://r.example/x"],
    ["https://r.example/", "http://127.0.0.1/x"],
    ["http://127.0.0.1:5000/", "http://r.example/x"],
    ["https://r.example/", "file:///etc/passwd"],
  ])("of %s must not be %s", (asked, location) => {
    expect(() => resolveLocation(from(asked), location)).toThrow(/which is not HTTPS/);
  });
});

test("a registry's own words are shown in one line, without what a terminal would obey", () => {
  expect(shown("a\u001b[2Jb\r\nc\u202ed")).toBe("a [2Jb c d");
  expect(shown("x".repeat(500))).toHaveLength(202);
  const body = (value: unknown) => Buffer.from(JSON.stringify(value));
  expect(ownWords(body({ errors: [{ code: "DENIED", message: "no" }, { message: "never" }] }))).toBe(
    " (DENIED: no; never)",
  );
  for (const odd of [{}, { errors: [] }, { errors: "x" }, null, 1]) expect(ownWords(body(odd))).toBe("");
  expect(ownWords(Buffer.from("<html>"))).toBe("");
});
