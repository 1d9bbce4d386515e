// The tutorial's filter as the page makes it, without its commands: a new room, every change of the
// page in order, and the page's configuration in stock Envoy. `tutorial.long.test.ts` takes every
// command too.

import { readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { compileModule } from "../../../toolchain/compile/build.js";
import { roomFiles } from "../../../toolchain/package/room-files.js";
import { authorPackage } from "./author-package.js";
import { serveTutorial } from "./tutorial-envoy.js";
import { changed, readSteps } from "./tutorial-page.js";

const NAME = "key-gate";
const STEPS = readSteps(readFileSync(path.join(PACKAGE_ROOT, "filters/TUTORIAL.md"), "utf8"));

test("the filter that the tutorial makes does in stock Envoy what the page says", async () => {
  await using author = await authorPackage();
  for (const [file, text] of await roomFiles(NAME, "package")) {
    await author.write(`filters/${NAME}/${file}`, text);
  }
  for (const step of STEPS) {
    if (step.kind === "write") await author.write(step.file, step.text);
    if (step.kind !== "change") continue;
    const before = await readFile(path.join(author.root, step.file), "utf8");
    await author.write(step.file, changed(before, step.text));
  }
  const build = path.join(author.root, "build");
  await mkdir(build);
  const entry = path.join(author.root, "filters", NAME, "index.ts");
  await compileModule(entry, path.join(build, `${NAME}.wasm`));
  const configurations = STEPS.filter((step) => step.kind === "configuration");
  expect(configurations).not.toEqual([]);
  for (const { text } of configurations) await serveTutorial(text, author.root);
});
