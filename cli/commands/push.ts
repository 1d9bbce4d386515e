// `meshwright push`: pushes a packed image to a registry.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import type { Pushed } from "../../oci/push.js";
import { parseReference, type Reference } from "../../oci/registry/reference.js";
import { workspaceRoot } from "../../toolchain/compile/source.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";

interface PushOptions {
  readonly from?: string;
  readonly ca?: string;
  readonly referrers: boolean;
}

export function addPush(root: Command, screen: Screen): void {
  root
    .command("push")
    .description("Push a packed image to a registry, with its SBOM, provenance and JSON Schema.")
    .argument("<reference>", "where to: REGISTRY/REPOSITORY, and :TAG if it gets one")
    .option(
      "--from <layout>",
      "the folder or tar that pack wrote; default: build/NAME.oci, by the repository",
    )
    .option("--ca <file>", "certificates in PEM by which the registry is checked; default: Node's")
    .option("--no-referrers", "push the image alone")
    .addHelpText("after", EXAMPLES)
    .action(async (text: string, { from, ca, referrers }: PushOptions) => {
      const reference = parseReference(text);
      // The libraries for HTTP and archives take longer to load than most commands run.
      const [{ readLayout }, { pushImage }] = await Promise.all([
        import("../../oci/layout/read.js"),
        import("../../oci/push.js"),
      ]);
      const packed = await readLayout(from ?? defaultLayout(reference));
      const authorities =
        ca === undefined ? {} : { ca: await readFile(await findCaBundle({ file: ca }), "utf8") };
      using interrupt = listenForInterrupt(screen);
      const pushed = await pushImage(packed, reference, {
        ...authorities,
        referrers,
        signal: interrupt.signal,
        onProgress: (line) => screen.print([line]),
      });
      screen.print(describePushed(pushed, text));
    });
}

/** What `pack` wrote for a filter or a bundle of the repository's name. */
function defaultLayout({ repository }: Reference): string {
  const place = path.join(workspaceRoot(), "build", `${path.posix.basename(repository)}.oci`);
  return !existsSync(place) && existsSync(`${place}.tar`) ? `${place}.tar` : place;
}

function describePushed({ name, isPlain, notes }: Pushed, reference: string): readonly string[] {
  const plain = isPlain ? "--allow-http-registry " : "";
  return [
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "",
    `Pushed ${reference}`,
    "",
    "Proxies pull it by its digest, and cosign signs it:",
    `  oci://${name}`,
    `  cosign sign ${plain}${name}`,
  ];
}

const EXAMPLES = `
The login is that of "docker login": $DOCKER_CONFIG/config.json or
~/.docker/config.json, with credential helpers. It goes to the registry and to
the token service that the registry names, and never to a host to which one of
them redirects. HTTPS is used everywhere but on this machine's own addresses.
$HTTPS_PROXY and $NO_PROXY are followed.

A large image is sent in chunks, and goes on where a connection broke. The tag
is put last, and the registry's digests are compared with those of the image.

Examples:
  meshwright push registry.example/mesh/header-routing:0.1.0
  meshwright push localhost:5000/header-routing
  meshwright push ghcr.io/shop/edge:7 --from build/edge.oci.tar
${exitCodesHelp("the image is in the registry", ["usage", "registry-failed", "interrupted"], {
  1: "there is no whole image, or the login cannot be read",
})}`;
