// Says what `meshwright init` found, for a terminal of 80 columns.

import path from "node:path";
import type { ComposeProject } from "../project/model.js";
import { type FoundMesh, type FoundService, plain } from "./facts.js";
import { namesOf } from "./mesh-yaml.js";

/** A line of the summary, with a name before it. */
export type Row = readonly [left: string, right: string];

export interface Summary {
  /** Which files were read, and by what. */
  readonly read: string;
  readonly services: readonly Row[];
  /** What a person should check. */
  readonly guesses: readonly string[];
  readonly notes: readonly string[];
  readonly leftOut: readonly string[];
  readonly inactive: readonly string[];
}

export function summaryOf(project: ComposeProject, found: FoundMesh): Summary {
  const names = namesOf(found);
  const files = plain(project.files.map((file) => path.relative(project.here, file)).join(", "));
  const by =
    project.readBy === "compose" ? "docker compose" : "meshwright, because docker compose is not here";
  return {
    read: `Read ${files} (by ${by}).`,
    services: found.services.map((service) => [service.name, described(service, found, names)]),
    guesses: found.services.flatMap((service) => guessesOf(service, names)),
    notes: found.services.flatMap(({ compose, notes }) => notes.map((note) => `${compose} ${note}.`)),
    leftOut: found.leftOut.map(({ compose, reason, place }) => `${compose} ${reason} (${place}).`),
    inactive: Object.entries(project.inactive).map(
      ([name, profiles]) => `${name}: add it by --profile ${plain(profiles[0] ?? "")}`,
    ),
  };
}

function described(
  { compose, port, protocol, calls }: FoundService,
  { routes }: FoundMesh,
  names: ReadonlyMap<string, string>,
): string {
  const listens = port === undefined ? "takes no connections" : `${protocol.value} at ${port.value}`;
  const prefixes = routes.filter((route) => route.service === compose && !route.isOffer);
  const entry =
    prefixes.length === 0 ? "" : `, behind the gateway at ${prefixes.map(({ prefix }) => prefix).join(" ")}`;
  const called = calls.map(({ service }) => names.get(service)).join(", ");
  return `${listens}${entry}${called === "" ? "" : `, calls ${called}`}`;
}

function guessesOf(
  { name, protocol, port, calls }: FoundService,
  names: ReadonlyMap<string, string>,
): string[] {
  const weak = calls.filter(({ isGuess }) => isGuess).map(({ service }) => names.get(service));
  return [
    ...(port !== undefined && protocol.isGuess
      ? [`${name} speaks ${protocol.value}: ${protocol.reason}`]
      : []),
    ...(weak.length === 0 ? [] : [`${name} calls ${weak.join(", ")}: depends_on is all that says so`]),
  ];
}
