// `meshwright pack`: makes OCI images of filters and bundles.

import path from "node:path";
import { type Command, Option } from "commander";
import { toItsEnd } from "../../compose/to-its-end.js";
import { FORMATS, type Format } from "../../oci/image/format.js";
import type { PackedImage } from "../../oci/pack.js";
import { buildableNames } from "../../toolchain/package/member.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";
import { collect, collectAnnotation } from "./options.js";

interface PackOptions {
  readonly bundle?: string;
  readonly for?: readonly string[];
  readonly format: Format;
  readonly tar?: true;
  readonly outDir?: string;
  readonly annotation?: Readonly<Record<string, string>>;
}

export function addPack(root: Command, screen: Screen): void {
  root
    .command("pack")
    .description("Make OCI images of filters, which Istio, Envoy Gateway and every client of images take.")
    .argument("[filter...]", "which, as for build; default: all of this package")
    .option("--bundle <name>", "make one image of a bundle of the filters, in the order of the chain")
    .option(
      "--for <settings>",
      "a file of settings of the one filter or bundle: leave out the callbacks that they do not need (repeatable)",
      collect,
    )
    .addOption(
      new Option("--format <form>", "image: a layer with plugin.wasm; artifact: the module as a layer")
        .choices(FORMATS)
        .default("image"),
    )
    .option("--tar", "write NAME.oci.tar, and not the folder NAME.oci")
    .option("--out-dir <folder>", "where images go; default: build/ of the filter's package")
    .option(
      "--annotation <key=value>",
      "an annotation of the image; an empty value removes ours (repeatable)",
      collectAnnotation,
    )
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], { outDir, annotation, ...options }: PackOptions) => {
      using interrupt = listenForInterrupt(screen);
      // The libraries of an image take longer to load than most commands run.
      const { packFilters } = await import("../../oci/pack.js");
      const wanted = names.length === 0 ? buildableNames() : [...new Set(names)];
      const work = packFilters(options.bundle === undefined ? wanted : names, {
        ...options,
        ...(outDir === undefined ? {} : { outDir: path.resolve(outDir) }),
        ...(annotation === undefined ? {} : { annotations: annotation }),
        onProgress: (line) => screen.print([line]),
      });
      screen.print((await toItsEnd(work, interrupt.signal)).flatMap(describePacked));
    });
}

function describePacked({ path: place, digest, bytes, leftOut }: PackedImage): readonly string[] {
  const shown = path.relative(process.cwd(), place);
  const without = leftOut.map((callback) => callback.replace("proxy_on_", "")).join(", ");
  return [
    `${shown.startsWith("..") ? place : shown}  ${bytes.toLocaleString("en")} bytes`,
    `  ${digest}`,
    ...(without === "" ? [] : [`  without ${without}: it refuses settings that need them`]),
  ];
}

const EXAMPLES = `
The filters are built first. An image has no time in it, and the same sources
give the same digest on every machine. An SBOM (CycloneDX), a statement of
provenance (in-toto, SLSA) and the JSON Schema of the configuration lie beside
it, and "push" takes them along. Docker is not needed.

With --for the module lacks the callbacks that these settings do not need, so
that a proxy never enters them. It refuses other settings that need one of
them, and says so: pack again when settings begin to need more.

Examples:
  meshwright pack                   every filter of the package in this folder
  meshwright pack header-routing    one of them, or of meshwright's own
  meshwright pack header-routing --format artifact --out-dir images
  meshwright pack rate-limit --for limits.yaml
  meshwright pack --bundle edge trace-headers my-filter --tar
  meshwright pack my-filter \\
    --annotation org.opencontainers.image.vendor="Shop Ltd."
${exitCodesHelp("every image is written", ["usage", "build", "interrupted"], { 11: "an image cannot be written" })}`;
