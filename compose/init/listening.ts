// On which port a service listens, and what it speaks there.

import type { ProjectService } from "../project/model.js";
import { exposedPorts, hasProtoFiles } from "./build-context.js";
import { type Fact, type Protocol, plain } from "./facts.js";
import { knownImage, knownPort, knownScheme } from "./known-images.js";
import type { Mention } from "./mentions.js";

/** What is known of a service when its port and protocol are looked for. */
export interface Listener {
  readonly name: string;
  readonly service: ProjectService;
  /** Where others mention it. */
  readonly mentions: readonly Mention[];
  /** Where a part of the service stands: `file:line:column`. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
}

/** The ports at which it may listen, the most certain first. */
export function portsOf(listener: Listener): readonly Fact<number>[] {
  const found = [
    ...calledPorts(listener),
    ...exposed(listener),
    ...published(listener),
    ...ownVariable(listener),
    ...fromDockerfile(listener),
    ...fromImage(listener),
  ];
  // Of the same port the first reason is the best one.
  return found.filter(({ value }, i) => found.findIndex((fact) => fact.value === value) === i);
}

function calledPorts({ mentions, placeOf }: Listener): readonly Fact<number>[] {
  const counted = new Map<number, Mention[]>();
  for (const mention of mentions) {
    const port = calledPort(mention);
    if (port !== undefined) counted.set(port, [...(counted.get(port) ?? []), mention]);
  }
  return [...counted]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([value, [first]]) => ({
      value,
      reason: first === undefined ? "" : `${first.by} of ${first.from}, ${placeOf(first.path)}`,
      isGuess: false,
    }));
}

/** The port that a mention means, where it says one or its scheme has one. */
export function calledPort({ port, scheme }: Mention): number | undefined {
  const usual = scheme === undefined ? 0 : (knownScheme(scheme)?.port ?? 0);
  return port ?? (usual > 0 ? usual : undefined);
}

function exposed({ name, service, placeOf }: Listener): readonly Fact<number>[] {
  return (service.expose ?? []).flatMap((text, i) => {
    const [, port] = /^(\d{1,5})(?:-\d+)?(?:\/tcp)?$/.exec(text) ?? [];
    if (port === undefined) return [];
    return [
      { value: Number(port), reason: `expose, ${placeOf(["services", name, "expose", i])}`, isGuess: false },
    ];
  });
}

function published({ name, service, placeOf }: Listener): readonly Fact<number>[] {
  return (service.ports ?? [])
    .filter(({ protocol }) => protocol === "tcp")
    .map(({ target }) => ({
      value: target,
      reason: `ports, ${placeOf(["services", name, "ports"])}`,
      isGuess: false,
    }));
}

const OWN_PORT = /^((APP|HTTP|GRPC|WEB|SERVER|SERVICE|LISTEN|API|NODE)_)?(PORT|LISTEN_ADDR|ADDR|LISTEN)$/i;

function ownVariable({ name, service, placeOf }: Listener): readonly Fact<number>[] {
  return Object.entries(service.environment ?? {}).flatMap(([variable, value]) => {
    const [, port] = /^(?:(?:0\.0\.0\.0|\[::\])?:)?(\d{2,5})$/.exec(value ?? "") ?? [];
    if (port === undefined || !OWN_PORT.test(variable)) return [];
    const reason = `${variable}, ${placeOf(["services", name, "environment", variable])}`;
    return [{ value: Number(port), reason, isGuess: false }];
  });
}

function fromDockerfile({ service }: Listener): readonly Fact<number>[] {
  if (service.build === undefined) return [];
  return exposedPorts(service.build).map((value) => ({
    value,
    reason: "EXPOSE of its Dockerfile",
    isGuess: false,
  }));
}

function fromImage({ service }: Listener): readonly Fact<number>[] {
  const known = service.image === undefined ? undefined : knownImage(service.image);
  return known === undefined
    ? []
    : [{ value: known.port, reason: `the image ${known.name}`, isGuess: false }];
}

/** What it speaks on this port. */
export function protocolOf(listener: Listener, port: number): Fact<Protocol> {
  const { service } = listener;
  const sure = (value: Protocol, reason: string): Fact<Protocol> => ({ value, reason, isGuess: false });
  const guess = (value: Protocol, reason: string): Fact<Protocol> => ({ value, reason, isGuess: true });
  const said = saidByPort(listener, port) ?? saidByCallers(listener, port) ?? saidByItself(service, port);
  if (said !== undefined) return sure(...said);
  const image = service.image === undefined ? undefined : knownImage(service.image);
  if (image !== undefined && image.port === port) return sure(image.protocol, `the image ${image.name}`);
  const known = knownPort(port);
  if (known !== undefined && known !== "http1") return guess(known, `port ${port}`);
  const isPublished = (service.ports ?? []).some(({ target }) => target === port);
  if (!isPublished && service.build !== undefined && hasProtoFiles(service.build)) {
    return guess("grpc", "its sources have .proto files");
  }
  if (known !== undefined) return guess(known, `port ${port}`);
  if (isPublished || service.build !== undefined) return guess("http1", "nothing says what it speaks");
  return guess("tcp", "nothing says what it speaks");
}

const WORDS: readonly (readonly [RegExp, Protocol])[] = [
  [/^(grpc|grpcs)\b/i, "grpc"],
  [/^(http2|h2c|kubernetes\.io\/h2c)\b/i, "http2"],
  [/^(http|http1|ws|kubernetes\.io\/ws|web|api|ui)\b/i, "http1"],
  [/^(tcp|tls|https|wss|kubernetes\.io\/wss|redis|mysql|mongo|postgres|amqp)\b/i, "tcp"],
];

function saidByPort({ service }: Listener, port: number): readonly [Protocol, string] | undefined {
  for (const { target, app_protocol: app, name } of service.ports ?? []) {
    if (target !== port) continue;
    for (const [text, key] of [
      [app, "app_protocol"],
      [name, "the port's name"],
    ] as const) {
      const [, protocol] = WORDS.find(([word]) => text !== undefined && word.test(text)) ?? [];
      if (protocol !== undefined) return [protocol, `${key} ${plain(text ?? "")}`];
    }
  }
  return undefined;
}

function saidByCallers(
  { mentions, placeOf }: Listener,
  port: number,
): readonly [Protocol, string] | undefined {
  const here = mentions.filter((mention) => (calledPort(mention) ?? port) === port);
  for (const { scheme, by, from, path } of here) {
    const known = scheme === undefined ? undefined : knownScheme(scheme);
    if (known === undefined || scheme === undefined) continue;
    const isTls = /^(https|wss)$/.test(scheme);
    const reason = `${scheme}:// in ${by} of ${from}, ${placeOf(path)}${isTls ? ": TLS passes as it is" : ""}`;
    // Some clients of gRPC want their server's address as a URL of HTTP.
    if (known.protocol === "http1" && (knownPort(port) === "grpc" || /GRPC/i.test(by))) continue;
    return [known.protocol, reason];
  }
  const grpc = here.find(({ by }) => /GRPC/i.test(by));
  return grpc === undefined ? undefined : ["grpc", `${grpc.by} of ${grpc.from}, ${placeOf(grpc.path)}`];
}

function saidByItself(
  { environment = {}, healthcheck }: ProjectService,
  port: number,
): readonly [Protocol, string] | undefined {
  const [variable] =
    Object.entries(environment).find(
      ([name, value]) => /GRPC/i.test(name) && value?.endsWith(String(port)),
    ) ?? [];
  if (variable !== undefined) return ["grpc", `its variable ${plain(variable)}`];
  const { test = "" } = healthcheck ?? {};
  const text = typeof test === "string" ? test : test.join(" ");
  const [, tool = ""] =
    /\b(grpc_health_probe|grpcurl|pg_isready|redis-cli|valkey-cli|mysqladmin|mongosh|rabbitmq-diagnostics|https?:\/\/|curl|wget)/.exec(
      text,
    ) ?? [];
  switch (tool) {
    case "":
    case "https://":
      return undefined;
    case "grpc_health_probe":
    case "grpcurl":
      return ["grpc", `${tool} in its healthcheck`];
    case "http://":
    case "curl":
    case "wget":
      return ["http1", "its healthcheck asks over HTTP"];
    default:
      return ["tcp", `${tool} in its healthcheck`];
  }
}
