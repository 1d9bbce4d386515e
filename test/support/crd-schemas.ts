// Judges resources by the CRDs of Istio's releases, unknown keys refused.

import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parseAllDocuments } from "yaml";
import { type IstioApiRelease, schemasFile } from "./make-crd-schemas.js";

const KNOWN = new Map<string, ValidateFunction>();

/** Kinds of Kubernetes itself, which Istio's CRDs do not describe. */
const CORE = new Set(["v1/ConfigMap", "v1/Service"]);

/** What each document of a YAML text breaks: `KIND NAME: path reason`. */
export function crdProblems(text: string, release: IstioApiRelease): readonly string[] {
  return parseAllDocuments(text).flatMap((document) => {
    const resource = document.toJS() as {
      readonly apiVersion: string;
      readonly kind: string;
      readonly metadata: { readonly name: string };
    } | null;
    if (resource === null) return [];
    const { apiVersion, kind, metadata } = resource;
    if (CORE.has(`${apiVersion}/${kind}`)) return [];
    const validate = validatorOf(`${apiVersion}/${kind}`, release);
    if (validate === undefined)
      return [`${kind} ${metadata.name}: Istio ${release} has no ${apiVersion} ${kind}`];
    if (validate(resource)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${kind} ${metadata.name}: ${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  });
}

function validatorOf(kind: string, release: IstioApiRelease): ValidateFunction | undefined {
  const known = KNOWN.get(`${release} ${kind}`);
  if (known !== undefined) return known;
  const schemas = JSON.parse(readFileSync(schemasFile(release), "utf8")) as Readonly<Record<string, object>>;
  const schema = schemas[kind];
  if (schema === undefined) return undefined;
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
  KNOWN.set(`${release} ${kind}`, validate);
  return validate;
}
