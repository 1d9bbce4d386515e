// Writes a layout in one step: a reader sees the old one or the new one, and a failure leaves
// neither half of a layout nor a temporary file.

import { rename, writeFile } from "node:fs/promises";
import { writeBeside, writeFolder } from "../../envoy/runtime/atomic-folder.js";
import { type TarFile, tarOf } from "../image/tar.js";
import { LAYOUT_MARK } from "./layout.js";

const OPTION = "--out-dir";

/**
 * Writes it as a folder. An older layout there is replaced.
 * @throws MeshwrightError `write-failed`, also where the place has something that is no layout
 */
export async function writeLayout(place: string, files: readonly TarFile[]): Promise<void> {
  await writeFolder(place, files, { mark: LAYOUT_MARK, kind: "image layout", option: OPTION });
}

/** Writes it as a tar archive. @throws MeshwrightError `write-failed` */
export async function writeLayoutTar(place: string, files: readonly TarFile[]): Promise<void> {
  await writeBeside(place, OPTION, async (temporary) => {
    await writeFile(temporary, await tarOf(files));
    await rename(temporary, place);
  });
}
