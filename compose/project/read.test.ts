// The loader gives the model that compose prints, for every project of the corpus.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import {
  BARE_SHELL,
  CORPUS,
  CORPUS_PROJECTS,
  comparable,
  expectedFile,
} from "../../test/support/compose-corpus.js";
import { readProject } from "./read.js";

test.each(CORPUS_PROJECTS)("the model of %s is that of compose", async (name) => {
  const folder = path.join(CORPUS, name);
  const { model, readBy } = await readProject({ folder, env: BARE_SHELL, by: "meshwright" });
  expect(readBy).toBe("meshwright");
  const expected = JSON.parse(await readFile(expectedFile(name), "utf8"));
  expect(comparable(model, folder)).toEqual(expected);
});
