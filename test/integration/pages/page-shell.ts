// The shell of somebody who reads docs/operating.md in a checkout: the page's commands with this
// machine's ports and folder, and stock Envoy on the path.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { AuthorShell } from "../commands/author-shell.js";
import { gatewayText, type Place } from "./gateway.js";

/** Disposing of it removes its folder. */
export class PageShell implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    private readonly place: Place,
  ) {}

  static async start(place: Place): Promise<PageShell> {
    const parent = path.join(PACKAGE_ROOT, ".meshwright");
    await mkdir(parent, { recursive: true });
    // Below the checkout, where `npx` finds its commands.
    const shell = new PageShell(await mkdtemp(path.join(parent, "page-")), place);
    await mkdir(path.join(shell.folder, "bin"));
    await symlink((await findEnvoy()).path, path.join(shell.folder, "bin/envoy"));
    await mkdir(path.join(shell.folder, "docs"));
    await shell.write("docs/gateway.yaml", place.here(await gatewayText()));
    return shell;
  }

  write(name: string, content: string | Uint8Array): Promise<void> {
    return writeFile(path.join(this.folder, name), content);
  }

  /** Runs a block, which ends at the first command that fails. */
  async run(block: string) {
    await using shell = new AuthorShell(this.folder);
    return await shell.run(`export PATH="${this.folder}/bin:$PATH"\n${this.place.here(block)}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
