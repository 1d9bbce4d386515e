// Checks with publint and attw ("are the types wrong?") whether the published package is well
// formed, and whether every resolver finds its types. Part of `npm run check`.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packSources } from "./pack.js";
import { typeFaults } from "./type-faults.js";

const folder = await mkdtemp(path.join(tmpdir(), "meshwright-pack-"));
try {
  const { tarball, files } = await packSources(folder);
  const bytes = new Uint8Array(await readFile(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  const faults = [
    ...messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code),
    ...typeFaults(await checkPackage(createPackageFromTarballData(bytes))),
  ];
  for (const fault of faults) console.error(`the package: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else console.log(`the package, of ${files.length} files, passes publint and attw`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
