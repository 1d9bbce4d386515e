// Reads what a person says about an Envoy of their own on the command line.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Destination } from "./patch/patch.js";

/** The values of the options, as they were written. */
export interface EnvoyWords {
  readonly patch?: string;
  readonly listener?: string;
  readonly cluster?: readonly string[];
  readonly destination?: readonly string[];
  readonly modules?: string;
  readonly files?: string;
  readonly lean?: true;
}

/** Where Envoy finds what it reads beside its configuration. */
export interface EnvoyFolders {
  /** The folder of the modules; undefined: where they are built. */
  readonly modules: string | undefined;
  /** The folder of the filters' files; undefined: settings are in the configuration itself. */
  readonly files: string | undefined;
}

/** Throws `MeshwrightError("usage")`. */
export function parseFolders({ modules, files }: EnvoyWords): EnvoyFolders {
  return { modules: folder("--modules", modules), files: folder("--files", files) };
}

function folder(option: string, text: string | undefined): string | undefined {
  if (text === undefined || path.posix.isAbsolute(text)) return text?.replace(/(?<=.)\/+$/, "");
  throw usage(`${option} ${text}: give the folder's whole path where Envoy runs, as in /etc/envoy/filters`);
}

/** Reads `NAME=CLUSTER` and `FROM/NAME=CLUSTER`. Throws `MeshwrightError("usage")`. */
export function parseDestinations(words: readonly string[] = []): readonly Destination[] {
  return words.map((word) => {
    const [, from, name, to] = /^(?:([^=]+)\/)?([^=/]+)=(.+)$/.exec(word) ?? [];
    if (name !== undefined && to !== undefined) return { from, name, to };
    throw usage(
      `--destination ${word}: write it as NAME=CLUSTER, or CLUSTER/NAME=CLUSTER for the routes to one cluster`,
    );
  });
}

/** Throws `MeshwrightError("usage")` for options that only a patch has. */
export function refusePatchOptions(words: EnvoyWords): void {
  for (const option of ["listener", "cluster", "destination"] as const) {
    if (words[option] !== undefined)
      throw usage(`--${option} is about a file of your own: give it with --patch`);
  }
}

export function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
