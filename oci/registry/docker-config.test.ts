// Logins as `docker login` keeps them, in its file and in its helpers.

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findLogin } from "./docker-config.js";

let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "docker-config-"));
  env = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env.PATH}` };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString("base64");
const configure = (config: unknown) =>
  writeFile(path.join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
const login = (user: string, password: string) => ({ kind: "password", user, password });

/** A helper that writes what it was asked for into a file, and answers. */
async function helper(name: string, script: string) {
  const file = path.join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\n[ "$1" = get ] || exit 9\ncat > "${folder}/asked"\n${script}\n`);
  await chmod(file, 0o755);
}

test("nothing is there without a file", async () => {
  expect(await findLogin("r.example", { DOCKER_CONFIG: path.join(folder, "none") })).toBeUndefined();
  expect(await findLogin("r.example", { HOME: path.join(folder, "nobody") })).toBeUndefined();
});

test("without DOCKER_CONFIG the file is in .docker of the home folder", async () => {
  await mkdir(path.join(folder, "home/.docker"), { recursive: true });
  await writeFile(
    path.join(folder, "home/.docker/config.json"),
    JSON.stringify({ auths: { "r.example": { auth: base64("a:b") } } }),
  );
  expect(await findLogin("r.example", { HOME: path.join(folder, "home") })).toEqual(login("a", "b"));
});

describe("in the file", () => {
  test.each([
    ["r.example", { "r.example": { auth: base64("ann:pass:word") } }, login("ann", "pass:word")],
    ["r.example:5000", { "https://r.example:5000/v1/": { auth: base64("ann:p") } }, login("ann", "p")],
    ["r.example", { "http://r.example": { username: "ann", password: "p" } }, login("ann", "p")],
    [
      "r.example",
      { "r.example": { auth: base64("<token>:x"), identitytoken: "T" } },
      { kind: "identity-token", token: "T" },
    ],
    ["docker.io", { "https://index.docker.io/v1/": { auth: base64("ann:p") } }, login("ann", "p")],
    // Another port, and a host that only begins alike, are other registries.
    ["r.example", { "r.example:5000": { auth: base64("ann:p") } }, undefined],
    ["r.example", { "r.example.evil": { auth: base64("ann:p") } }, undefined],
    ["r.example", { "r.example": {} }, undefined],
  ])("%s with %j", async (registry, auths, expected) => {
    await configure({ auths, HttpHeaders: { "User-Agent": "x" } });
    expect(await findLogin(registry, env)).toEqual(expected);
  });

  test.each(["{", "[]", '{"auths": {"r.example": "c2VjcmV0"}}'])(
    "%s is refused, and not repeated",
    async (text) => {
      await configure(text);
      await expect(findLogin("r.example", env)).rejects.toMatchObject({
        code: "configuration",
        message: `the registry's login: ${path.join(folder, "config.json")}: it is not the JSON that \`docker login\` writes`,
      });
    },
  );

  test("an auth that is no pair is refused by its place", async () => {
    await configure({ auths: { "r.example": { auth: "c2VjcmV0" } } });
    await expect(findLogin("r.example", env)).rejects.toThrow(
      /auths\["r\.example"\]\.auth is not USER:PASSWORD in Base64$/,
    );
  });
});

describe("behind a helper", () => {
  test("credHelpers comes before credsStore, and credsStore before auths", async () => {
    await helper("one", `echo '{"ServerURL":"x","Username":"one","Secret":"1"}'`);
    await helper("all", `echo '{"Username":"all","Secret":"2"}'`);
    await configure({
      credHelpers: { "r.example": "one" },
      credsStore: "all",
      auths: { "r.example": { auth: base64("f:f") } },
    });
    expect(await findLogin("r.example", env)).toEqual(login("one", "1"));
    expect(await readFile(path.join(folder, "asked"), "utf8")).toBe("r.example");
    expect(await findLogin("s.example", env)).toEqual(login("all", "2"));
    expect(await findLogin("docker.io", env)).toEqual(login("all", "2"));
    expect(await readFile(path.join(folder, "asked"), "utf8")).toBe("https://index.docker.io/v1/");
  });

  test("an identity token is known by its user", async () => {
    await helper("token", `echo '{"Username":"<token>","Secret":"T"}'`);
    await configure({ credsStore: "token" });
    expect(await findLogin("r.example", env)).toEqual({ kind: "identity-token", token: "T" });
  });

  test("one that knows nothing leaves it to the file", async () => {
    await helper("empty", "echo credentials not found in native keychain; exit 1");
    await configure({ credsStore: "empty", auths: { "r.example": { auth: base64("f:f") } } });
    expect(await findLogin("r.example", env)).toEqual(login("f", "f"));
    await configure({ credHelpers: { "r.example": "empty" } });
    expect(await findLogin("r.example", env)).toBeUndefined();
  });

  test.each([
    ["absent", undefined, /docker-credential-absent: it is not installed; `docker login` says more$/],
    ["broken", "echo the keychain is locked; exit 1", /docker-credential-broken: it failed for r\.example;/],
    ["odd", "echo hello", /docker-credential-odd: its answer is not that of a credential helper$/],
    ["../../bin/sh", undefined, /a credential helper has no such name$/],
  ])("%s is told", async (name, script, message) => {
    if (script !== undefined) await helper(name, script);
    await configure({ credsStore: name });
    await expect(findLogin("r.example", env)).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringMatching(message),
    });
  });
});
