// To be imported by tests that change their folder: esbuild, by which an author's TypeScript is
// read, starts in the folder in which it was loaded, and fails for good when that is gone by then.
// It starts with the first file that is not in its cache.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { tsImport } from "tsx/esm/api";

const folder = await mkdtemp(path.join(tmpdir(), "source-reader-"));
const file = path.join(folder, "new.ts");
await writeFile(file, `export const folder: string = ${JSON.stringify(folder)};\n`);
await tsImport(file, import.meta.url);
await rm(folder, { recursive: true });
