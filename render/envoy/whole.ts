// Whole configurations: one Envoy in front of services for filters' files, and every Envoy of a
// mesh file, all on one machine.

import path from "node:path";
import { entryOnPaths } from "../../compose/filter-paths.js";
import { callableServices } from "../../compose/front/filters.js";
import { type FrontOptions, frontConfiguration, namedFilters } from "../../compose/front/plan.js";
import { LOOPBACK } from "../../compose/listener-options.js";
import { DEFAULT_GATEWAY_PORT, type Places, portNames } from "../../compose/mesh/addresses.js";
import { plainMesh } from "../../compose/mesh/identity.js";
import { planMesh } from "../../compose/mesh/plan.js";
import type { ServicePlan } from "../../compose/mesh/plan-service.js";
import type { EnvoyPlan, FilterPlan } from "../../compose/planned-envoy.js";
import { toYaml } from "../../envoy/config/yaml.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { formatPath } from "../../envoy/problems.js";
import type { FiltersInput, MeshInput } from "../input.js";
import { refuseUnknownServices } from "./called.js";
import type { EnvoyFile, FilterForm } from "./filters.js";

const HEADING = "# Written by `meshwright render envoy`. Start it with: envoy -c";

/** One Envoy with the filters. */
export function frontFiles(
  input: FiltersInput,
  options: Omit<FrontOptions, "filters" | "modulePath">,
  form: FilterForm,
): readonly EnvoyFile[] {
  refuseUnknownServices(input, callableServices(options));
  const front: FrontOptions = { ...options, filters: input.uses, modulePath: form.modulePath };
  const text = `${HEADING} envoy.yaml\n${toYaml(frontConfiguration(front, form.entry))}`;
  return [{ name: "envoy.yaml", text }, ...namedFilters(front).flatMap(form.fileOf)];
}

/**
 * Every Envoy of a mesh. They and the apps share a machine: each listener has a port of its own on
 * loopback, the gateway's public port alone is the file's.
 * @param firstPort the ports of everything else begin here
 */
export function meshFiles(
  input: MeshInput,
  { firstPort, caFile }: { readonly firstPort: number; readonly caFile: string | undefined },
  form: FilterForm,
): readonly EnvoyFile[] {
  refuseIdentity(input);
  const { file } = input;
  const mesh = plainMesh(input.mesh);
  const names = portNames(mesh);
  const last = firstPort + names.length - 2;
  if (last > 65_535) {
    throw new MeshwrightError(
      "usage",
      `--first-port ${firstPort}: the mesh needs ${names.length - 1} ports, and the last would be ${last}`,
    );
  }
  const [gateway = "", ...others] = names;
  const ports = new Map(others.map((name, i) => [name, firstPort + i]));
  ports.set(gateway, mesh.gateway.port || DEFAULT_GATEWAY_PORT);
  const plan = planMesh(mesh, {
    directory: "/",
    home: path.dirname(path.resolve(file)),
    ports,
    modulePath: form.modulePath,
    places: placesOn(mesh.gateway.address ?? LOOPBACK, form),
    ...(caFile === undefined ? {} : { caFile }),
  });
  const envoys = plan.envoys.map((envoy) => {
    const app = plan.services.find(({ name }) => name === envoy.name);
    const head = [`${HEADING} ${envoy.name}.yaml`, ...(app === undefined ? [] : appLines(app))];
    const text = `${head.join("\n")}\n${toYaml(envoy.bootstrap)}`;
    return { name: `${envoy.name}.yaml`, text };
  });
  return [...envoys, ...sharedFilters(plan.envoys).flatMap(form.fileOf)];
}

/**
 * The filters of all Envoys, each once: one of this name has the same settings in all of them, so
 * these are for no single cluster where it stands before several in one.
 */
function sharedFilters(envoys: readonly EnvoyPlan[]): readonly FilterPlan[] {
  const filters = new Map<string, FilterPlan>();
  for (const each of envoys.flatMap((envoy) => envoy.filters)) {
    const { cluster } = filters.get(each.name) ?? each;
    filters.set(each.name, cluster === each.cluster ? each : { ...each, cluster: undefined });
  }
  return [...filters.values()];
}

/** What `meshFiles` leaves out. */
export const PLAIN_WARNING =
  "calls between these Envoys are plain: only `meshwright up` issues certificates for them";

/** Envoys without certificates do not know who calls them. */
function refuseIdentity({ mesh, placeOf }: MeshInput): void {
  const { mode } = mesh.identity ?? {};
  const lists = ["allow", "deny"] as const;
  const given = [
    ...(mode === undefined || mode === "off" ? [] : [["identity", "mode"]]),
    ...(mesh.access?.denyByDefault === true ? [["access", "denyByDefault"]] : []),
    ...Object.entries(mesh.services).flatMap(([name, service]) =>
      lists.filter((list) => service[list] !== undefined).map((list) => ["services", name, list]),
    ),
  ];
  const problems = given.map(
    (path) =>
      `${placeOf(path)}: ${formatPath(path)} needs certificates, which are not rendered: remove it, or run the mesh by meshwright up`,
  );
  const [first, ...rest] = problems;
  if (first !== undefined) throw new MeshwrightError("configuration", first, rest);
}

function placesOn(address: string, form: FilterForm): Places {
  return {
    listener: (_, { target }) => (target.kind === "routes" ? address : LOOPBACK),
    sidecar: () => LOOPBACK,
    egress: { listener: LOOPBACK, host: LOOPBACK },
    called: () => LOOPBACK,
    outside: (host) => host,
    entry: (filter) => entryOnPaths(form.entry(filter), filter),
  };
}

/** What the app behind a sidecar needs. */
function appLines({ name, address, calls }: ServicePlan): readonly string[] {
  const variables = Object.entries(calls).map(([variable, url]) => `${variable}=${url}`);
  return [
    `# It stands before the app ${name} at ${address.address}:${address.port}.`,
    ...(variables.length === 0 ? [] : [`# The app calls others by ${variables.join(" ")}`]),
  ];
}
