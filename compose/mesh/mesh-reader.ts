// Reads a mesh file for a command that runs it, and tells what a person should know of it.

import type { Placed } from "../../envoy/document.js";
import type { RunEvent } from "../events.js";
import { readPlacedMesh } from "./file.js";
import { meshWarnings } from "./policy/warnings.js";
import type { Mesh } from "./shape.js";

/** Tells a warning once, however often the file is saved with it. */
export class MeshReader {
  readonly #file: string;
  readonly #onEvent: (event: RunEvent) => void;
  #told: ReadonlySet<string> = new Set();

  constructor(file: string, onEvent: (event: RunEvent) => void) {
    this.#file = file;
    this.#onEvent = onEvent;
  }

  /** Throws as `readPlacedMesh`. */
  async read(): Promise<Placed<Mesh>> {
    const placed = await readPlacedMesh(this.#file);
    const warnings = meshWarnings(placed);
    // A line that has moved is not a new warning.
    const withoutPlace = (line: string) => line.replace(/^.*?:\d+:\d+: /, "");
    const lines = warnings.filter((line) => !this.#told.has(withoutPlace(line)));
    this.#told = new Set(warnings.map(withoutPlace));
    if (lines.length > 0) this.#onEvent({ kind: "warned", lines });
    return placed;
  }
}
