// Builds the programs of a set into the cache, once: build.ts istio|kubernetes

import { MeshwrightError } from "../../envoy/errors.js";
import { buildPrograms, type ProgramSet, SETS } from "../support/istio-programs.js";

async function main(name: string | undefined): Promise<void> {
  const isSet = (text: string | undefined): text is ProgramSet => text !== undefined && text in SETS;
  if (!isSet(name)) throw new MeshwrightError("usage", `build.ts ${Object.keys(SETS).join("|")}`);
  await buildPrograms(name, { onProgress: (line) => console.log(line) });
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof MeshwrightError)) throw error;
  console.error([error.message, ...error.details].join("\n"));
  process.exitCode = 1;
}
