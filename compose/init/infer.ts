// Makes a mesh from a compose project, without asking anybody. Whatever is guessed says so.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { listed } from "../../envoy/problems.js";
import type { ComposeProject, ProjectModel } from "../project/model.js";
import {
  type Call,
  type Fact,
  type FoundMesh,
  type FoundService,
  type LeftOut,
  type Protocol,
  plain,
} from "./facts.js";
import { type AskedRoute, gatewayPort, routesOf } from "./gateway.js";
import { notesOn, type Obstacle, obstacleOf } from "./left-out.js";
import { calledPort, type Listener, portsOf, protocolOf } from "./listening.js";
import { type Mention, mentionsIn } from "./mentions.js";
import { meshName, meshNames } from "./names.js";

/** More ports than these are only counted. */
const MAX_LISTED = 4;

/**
 * @param asked routes that a person asks for
 * @throws MeshwrightError `configuration` where nothing is left, `usage` for a wrong route
 */
export function inferMesh(project: ComposeProject, asked: readonly AskedRoute[] = []): FoundMesh {
  const { model } = project;
  const placeOf = (at: readonly PropertyKey[]) => lineOf(project.placeOf(at));
  const all = Object.entries(model.services);
  const leftOut = all.flatMap(([compose, service]): readonly LeftOut[] => {
    const obstacle = obstacleOf(compose, service, model);
    return obstacle === undefined ? [] : [leftOutBy(compose, obstacle, placeOf)];
  });
  const without = new Set(leftOut.map(({ compose }) => compose));
  const inMesh = all.map(([compose]) => compose).filter((compose) => !without.has(compose));
  if (inMesh.length === 0) {
    throw new MeshwrightError(
      "configuration",
      "no service of the project can be in a mesh",
      leftOut.map(({ compose, place, reason }) => `${place}: ${compose} ${reason}`),
    );
  }
  const mentions = mentionsIn(model);
  const names = meshNames(inMesh);
  const listening = new Map(
    inMesh.map((compose) => [compose, listeningOf(compose, mentions, model, placeOf)] as const),
  );
  const services = inMesh.map((compose): FoundService => {
    const name = names.get(compose) ?? compose;
    const own = mentions.filter(({ from, to }) => from === compose && listening.get(to)?.port !== undefined);
    const beside = besidePorts(own, (to) => listening.get(to)?.port?.value);
    const calls = own.filter(({ to }) => !beside.has(to));
    const { notes = [], ...listens } = listening.get(compose) ?? {};
    const renamed =
      name === compose ? [] : [`is named ${name} in the mesh, where a name is of a-z, 0-9 and "-"`];
    return {
      name,
      compose,
      ...(listens as Pick<FoundService, "port" | "protocol">),
      calls: callsOf(calls, inMesh, placeOf),
      notes: [...renamed, ...notes, ...[...beside].map(besideNote)],
    };
  });
  return {
    name: meshName(model.name),
    files: project.named.map((file) => path.relative(project.here, file)),
    gatewayPort: gatewayPort(model),
    routes: routesOf(services, model, asked),
    services,
    leftOut,
  };
}

/** A comment names the line, and not the column. */
function lineOf(place: string): string {
  return plain(place).replace(/:\d+$/, "");
}

function leftOutBy(compose: string, { reason, key }: Obstacle, placeOf: ComposeProject["placeOf"]): LeftOut {
  return { compose, reason, place: placeOf(["services", compose, ...(key === "" ? [] : [key])]) };
}

interface Listening {
  readonly port?: Fact<number>;
  readonly protocol: Fact<Protocol>;
  readonly notes: readonly string[];
}

function listeningOf(
  compose: string,
  mentions: readonly Mention[],
  model: ProjectModel,
  placeOf: ComposeProject["placeOf"],
): Listening {
  const service = model.services[compose] ?? {};
  const own = mentions.filter(({ to, isWeak }) => to === compose && !isWeak);
  const listener: Listener = { name: compose, service, mentions: own, placeOf };
  const [port, ...others] = portsOf(listener);
  const notes = [...notesOn(service)];
  const datagrams = (service.ports ?? []).filter(({ protocol }) => protocol !== "tcp");
  if (datagrams.length > 0) {
    const said = datagrams.map(({ target, protocol }) => `${target}/${protocol}`).join(", ");
    notes.push(`has ${said} beside the mesh, which carries TCP`);
  }
  if (port === undefined) {
    return { protocol: { value: "tcp", reason: "it takes no connections", isGuess: false }, notes };
  }
  if (others.length > 0) {
    const said = others.map(({ value, reason }) => `${value} (${reason})`);
    notes.push(
      `has more ports than ${port.value}, which the mesh does not carry: ${listed(said, MAX_LISTED)}`,
    );
  }
  return { port, protocol: protocolOf(listener, port.value), notes };
}

/**
 * The services that are called at other ports too than the one of the mesh, with these ports. In
 * the caller's sidecar a called name has no other port, so such calls go to the network as before.
 */
function besidePorts(
  mentions: readonly Mention[],
  portOf: (service: string) => number | undefined,
): ReadonlyMap<string, ReadonlySet<number>> {
  const beside = new Map<string, Set<number>>();
  for (const mention of mentions) {
    const port = calledPort(mention);
    if (port === undefined || port === portOf(mention.to)) continue;
    beside.set(mention.to, (beside.get(mention.to) ?? new Set()).add(port));
  }
  return beside;
}

function besideNote([service, ports]: readonly [string, ReadonlySet<number>]): string {
  return `calls ${service} at ${[...ports].join(" and ")} too: a called name has one port in the mesh, so ${service} is not among its calls, and is called past this sidecar`;
}

/** One call for each service, by the best reason, in the order of the project's services. */
function callsOf(
  mentions: readonly Mention[],
  services: readonly string[],
  placeOf: ComposeProject["placeOf"],
): readonly Call[] {
  return services.flatMap((service): readonly Call[] => {
    const all = mentions.filter(({ to }) => to === service);
    const best = all.find(({ isWeak }) => !isWeak) ?? all[0];
    if (best === undefined) return [];
    const reason = best.isWeak
      ? `only depends_on says so, ${placeOf(best.path)}: remove it where there is no such call`
      : `${best.by}, ${placeOf(best.path)}`;
    return [{ service, reason, isGuess: best.isWeak }];
  });
}
