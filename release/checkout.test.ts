// Of which checkouts no release is made.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { refuseChanged, refuseOtherTag } from "./checkout.js";

let folder: string;
let checkout: string;
const git = (...args: readonly string[]) => execFileSync("git", ["-C", checkout, ...args], { stdio: "pipe" });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "release-checkout-"));
  checkout = path.join(folder, "checkout");
  await mkdir(checkout);
  git("init", "--quiet");
  await writeFile(path.join(checkout, ".gitignore"), "build/\n");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "one");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a checkout as it was committed is taken, whatever is in folders that git ignores", async () => {
  await mkdir(path.join(checkout, "build"), { recursive: true });
  await writeFile(path.join(checkout, "build/x.wasm"), "");
  await expect(refuseChanged(checkout)).resolves.toBeUndefined();
});

test("a new file and a changed one are named", async () => {
  await writeFile(path.join(checkout, "new.ts"), "");
  await writeFile(path.join(checkout, ".gitignore"), "build/\n#\n");
  await expect(refuseChanged(checkout)).rejects.toMatchObject({
    code: "configuration",
    message: `${checkout} has changes that are not committed: commit or remove them, or add --allow-dirty for a trial`,
    details: [" M .gitignore", "?? new.ts"],
  });
});

test("of many changed files ten are named", async () => {
  for (let i = 0; i < 20; i++) await writeFile(path.join(checkout, `more-${i}.ts`), "");
  await expect(refuseChanged(checkout)).rejects.toMatchObject({
    details: expect.arrayContaining(["… and 12 more"]),
  });
});

test("a folder that is no checkout is refused, because no commit says what is in the release", async () => {
  await expect(refuseChanged(folder)).rejects.toMatchObject({
    code: "configuration",
    message: expect.stringContaining(`${folder} is not a git checkout`),
  });
});

test("a tag must name the version", () => {
  expect(() => refuseOtherTag("v0.1.0", "0.1.0")).not.toThrow();
  for (const tag of ["0.1.0", "v0.1.0-rc1", "v0.2.0"]) {
    expect(() => refuseOtherTag(tag, "0.1.0")).toThrow(
      `the tag ${tag} does not name version 0.1.0 of package.json: tag v0.1.0, or change the version`,
    );
  }
});
