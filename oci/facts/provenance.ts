// How a module was made, as an in-toto statement with SLSA's provenance. Sources:
// https://in-toto.io/Statement/v1 and https://slsa.dev/provenance/v1

import type { Descriptor } from "../image/descriptor.js";
import type { Format } from "../image/format.js";
import type { Maker, PackedModule } from "./packed-module.js";
import { npmUrl } from "./sbom.js";

/** It has no time: the same sources give the same bytes. It is not signed; cosign does that. */
export function provenanceOf(
  module: PackedModule,
  image: Descriptor,
  format: Format,
  maker: Maker,
): Uint8Array {
  const { name, filters, leftOut, materials } = module;
  const builder = npmUrl({ name: "meshwright", version: maker.version });
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      { name, digest: hex(image.digest) },
      { name: "plugin.wasm", digest: hex(module.digest) },
    ],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: `${builder}#oci/README.md`,
        externalParameters: { name, filters, format, ...(leftOut.length === 0 ? {} : { leftOut }) },
        resolvedDependencies: [
          ...repository(module),
          { uri: npmUrl({ name: "assemblyscript", version: maker.compiler }) },
          ...materials.packages
            .filter((each) => each.name !== "assemblyscript")
            .map((each) => ({ uri: npmUrl(each) })),
          ...materials.sources.map((source) => ({ name: source.name, digest: { sha256: source.sha256 } })),
        ],
      },
      runDetails: { builder: { id: builder } },
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

/** The commit, where every source is as the commit has it. */
function repository({ origin: { source, revision } }: PackedModule): readonly object[] {
  if (source === undefined || revision === undefined || revision.endsWith("-dirty")) return [];
  return [{ uri: `git+${source}@${revision}`, digest: { gitCommit: revision } }];
}

function hex(digest: string): { readonly sha256: string } {
  return { sha256: digest.slice("sha256:".length) };
}
