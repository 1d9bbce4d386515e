// Writes a mesh file as a person would: with comments that say where everything comes from.

import { stringify } from "yaml";
import { type Call, type Fact, type FoundMesh, type FoundService, plain } from "./facts.js";

const GUESS = "a guess: ";
const WIDTH = 96;

/** The text of the mesh file. @param from the project's files, as a comment names them */
export function meshYaml(mesh: FoundMesh, from: readonly string[]): string {
  const names = namesOf(mesh);
  const { gatewayPort, routes } = mesh;
  return [
    `# A mesh around ${plain(from.join(", "))}, written by \`meshwright init\`. Run it: npx meshwright up`,
    "# A comment says where a line comes from. Correct what is wrong: a running mesh follows each save.",
    "# Services that are not here run as before. All keys: compose/README.md of meshwright.",
    "",
    `name: ${scalar(mesh.name)}`,
    ...(mesh.files.length === 0 ? [] : [`compose: [${mesh.files.map(scalar).join(", ")}]`]),
    "",
    "gateway:",
    `  port: ${gatewayPort}`,
    "  routes: # the first prefix that matches decides",
    ...routes.map(({ prefix, service, reason, isOffer }) => {
      const route = `- { prefix: ${scalar(prefix)}, service: ${scalar(names.get(service) ?? "")} }`;
      return `    ${isOffer ? "# " : ""}${route} # ${reason}`;
    }),
    "",
    "services:",
    ...mesh.services.flatMap((service, i) => [
      ...(i === 0 ? [] : [""]),
      ...serviceLines(service, names).map((line) => `  ${line}`),
    ]),
    ...mesh.leftOut.flatMap(({ compose, reason, place }, i) => [
      ...(i === 0 ? ["", "# Not in the mesh:"] : []),
      ...comment(`- ${compose} ${reason} (${place})`),
    ]),
    "",
  ].join("\n");
}

/** The lines of a service, from its key on. */
export function serviceLines(service: FoundService, names: ReadonlyMap<string, string>): readonly string[] {
  const { name, compose, port, protocol, calls, notes } = service;
  return [
    ...notes.flatMap((note) => comment(`${compose} ${note}`)),
    `${scalar(name)}:`,
    ...(port === undefined
      ? ["  # no port was found: it calls others, and nobody calls it; `port: 8080` says otherwise"]
      : [`  port: ${port.value} # ${reasonOf(port)}`]),
    ...(port === undefined || isDefault(protocol)
      ? []
      : [`  protocol: ${protocol.value} # ${reasonOf(protocol)}`]),
    ...(calls.length === 0 ? [] : ["  calls:", ...calls.map((call) => `    - ${callLine(call, names)}`)]),
    `  versions: { v1: { compose: ${scalar(compose)} } }`,
  ];
}

/** Protocols that are certain, and that a mesh file has without being told. */
function isDefault({ value, isGuess }: FoundService["protocol"]): boolean {
  return value === "http1" && !isGuess;
}

/** A call as an item of a list. */
export function callLine({ service, reason }: Call, names: ReadonlyMap<string, string>): string {
  return `${scalar(names.get(service) ?? "")} # ${reason}`;
}

function reasonOf({ reason, isGuess }: Fact<unknown>): string {
  return isGuess ? `${GUESS}${reason}` : reason;
}

/** The services' names in the mesh by those in compose. */
export function namesOf({ services }: FoundMesh): ReadonlyMap<string, string> {
  return new Map(services.map(({ name, compose }) => [compose, name]));
}

/** A text as lines of a comment. */
function comment(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? `# ${word}` : `#   ${word}`);
  }
  return lines;
}

/** A text as YAML has it in a list or mapping on one line. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z_./][\w./-]*$/.test(text);
  return isPlain ? stringify(text, { lineWidth: 0 }).trim() : JSON.stringify(text);
}
