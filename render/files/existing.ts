// Reads resources that exist, from files or folders of YAML or JSON.

import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";
import { MeshwrightError } from "../../envoy/errors.js";
import { type LiveResource, liveResources } from "../diff/live.js";

/** What `kubectl get -o yaml` prints of a large namespace. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ALIASES = 100;

/**
 * The resources in a file, or in the `.yaml`, `.yml` and `.json` files of a folder and the folders
 * in it. Other documents in them are passed over. `-` is standard input.
 * @throws MeshwrightError `configuration` with file and line for what is no YAML
 */
export async function readExisting(place: string): Promise<readonly LiveResource[]> {
  if (place === "-") return parseResources(await readText("/dev/stdin", place), "standard input");
  const facts = await stat(place).catch(() => undefined);
  if (facts === undefined) throw refused(place, "there is no such file or folder");
  if (!facts.isDirectory()) return parseResources(await readText(place, place), place);
  const names = await readdir(place, { recursive: true });
  const found: LiveResource[] = [];
  for (const name of names.filter((each) => /\.(ya?ml|json)$/i.test(each)).sort()) {
    const file = path.join(place, name);
    found.push(...parseResources(await readText(file, file), file));
  }
  return found;
}

function parseResources(text: string, file: string): readonly LiveResource[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw refused(`${file}:${line}:${col}`, error.message.replace(/\s+/g, " ").trim());
    }
    try {
      return liveResources(document.toJS({ maxAliasCount: MAX_ALIASES }));
    } catch (cause) {
      throw refused(file, (cause as Error).message.replace(/\s+/g, " ").trim());
    }
  });
}

async function readText(file: string, shown: string): Promise<string> {
  try {
    const facts = await stat(file);
    if (facts.size > MAX_BYTES) throw refused(shown, `is larger than 64 MiB (${facts.size} bytes)`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof MeshwrightError) throw error;
    if (error instanceof TypeError) throw refused(shown, "is not UTF-8 text");
    throw refused(shown, (error as Error).message);
  }
}

function refused(where: string, why: string): MeshwrightError {
  return new MeshwrightError("configuration", `existing resources refused: ${where}: ${why}`);
}
