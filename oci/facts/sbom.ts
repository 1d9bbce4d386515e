// The software bill of materials of a module, as CycloneDX JSON: the packages of which it has code.

import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import parseExpression from "spdx-expression-parse";
import type { CompiledPackage } from "./materials.js";
import type { Maker, PackedModule } from "./packed-module.js";

const licences = new Contrib.License.Factories.LicenseFactory(parseExpression);

/** It has no time and no serial number: the same module gives the same bytes. */
export function sbomOf(module: PackedModule, maker: Maker): Uint8Array {
  const { name, summary, origin, materials, digest } = module;
  const root = component({ ...origin, name }, Enums.ComponentType.Library);
  root.description = summary;
  root.hashes.set(Enums.HashAlgorithm["SHA-256"], digest.slice("sha256:".length));
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: root }) });
  bom.metadata.tools.components.add(tool("meshwright", maker.version));
  bom.metadata.tools.components.add(tool("assemblyscript", maker.compiler));
  for (const each of materials.packages) {
    const part = component(each, Enums.ComponentType.Library, npmUrl(each));
    part.purl = npmUrl(each);
    root.dependencies.add(part.bomRef);
    bom.components.add(part);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return Buffer.from(serializer.serialize(bom, { sortLists: true }));
}

function component(
  { name, version, licence }: CompiledPackage,
  type: Enums.ComponentType,
  bomRef = name,
): Models.Component {
  const made = new Models.Component(type, name, { bomRef, ...(version === undefined ? {} : { version }) });
  if (licence !== undefined) made.licenses.add(licences.makeFromString(licence));
  return made;
}

/** The compiler is a tool, and its library is a part: a BOM may have each reference once. */
function tool(name: string, version: string): Models.Component {
  const made = component({ name, version }, Enums.ComponentType.Application, `tool:${name}`);
  made.purl = npmUrl({ name, version });
  return made;
}

/** The package URL of an npm package. */
export function npmUrl({ name, version }: CompiledPackage): string {
  const [scope, rest] = name.startsWith("@") ? name.split("/") : [undefined, name];
  return new PackageURL("npm", scope, rest ?? name, version, undefined, undefined).toString();
}
