// The files for Docker that are committed are those that the demo's mesh file makes.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { demoFiles } from "./demo.js";

const FOLDER = path.join(PACKAGE_ROOT, "compose");

test("compose/docker-compose.yaml, .env and envoy/ are written by npm run compose-file", async () => {
  const files = await demoFiles(FOLDER);
  for (const [file, text] of files) {
    expect(await readFile(path.join(FOLDER, file), "utf8"), `run npm run compose-file: ${file}`).toBe(text);
  }
  const envoys = await readdir(path.join(FOLDER, "envoy"), { recursive: true, withFileTypes: true });
  const committed = envoys.filter((entry) => entry.isFile()).length;
  expect(committed).toBe([...files.keys()].filter((file) => file.startsWith("envoy/")).length);
});
