// Compose itself prints the models by which the loader is tested.

import path from "node:path";
import { expect, test } from "vitest";
import {
  BARE_SHELL,
  CORPUS,
  CORPUS_PROJECTS,
  comparable,
  expectedFile,
} from "../../test/support/compose-corpus.js";
import { isMissing, needs } from "../../test/support/tools.js";
import { readProject } from "./read.js";

const env = { ...BARE_SHELL, DOCKER_CONFIG: process.env.DOCKER_CONFIG };

test.skipIf(isMissing("docker-compose")).each(CORPUS_PROJECTS)(
  `compose prints the model of %s ${needs("docker-compose")}`,
  async (name) => {
    const folder = path.join(CORPUS, name);
    const { model, readBy } = await readProject({ folder, env, by: "compose" });
    expect(readBy).toBe("compose");
    const text = `${JSON.stringify(comparable(model, folder), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(expectedFile(name));
  },
);
