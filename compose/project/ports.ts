// The ports of a service in every form that a compose file may have: `8080`, `8000-8010`,
// `80:8080`, `127.0.0.1::8080`, `[::1]:80:8080/udp`, and mappings.

import { type Dict, defined, isDict, textOf } from "./values.js";

/** A port as `docker compose config` prints it. */
export interface ProjectPort {
  /** In the container. */
  readonly target: number;
  /** On the machine: a port or a range; absent where the engine chooses one. */
  readonly published?: string;
  readonly host_ip?: string;
  readonly protocol: string;
  readonly mode: string;
  readonly name?: string;
  readonly app_protocol?: string;
}

const MAX_RANGE = 1_000;
const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;
const SHORT = /^(?:(?:(\[[^\]]*\]|[^:[\]]*):)?([\d-]*):)?([\d-]+)(?:\/(\w+))?$/;

/** The ports that one item stands for. @throws Error that says what is wrong with it */
export function parsePort(item: unknown): readonly ProjectPort[] {
  return isDict(item) ? [longForm(item)] : shortForm(textOf(item) ?? "");
}

function longForm(item: Dict): ProjectPort {
  const target = Number(item.target);
  if (!isPort(target)) throw new Error(`${JSON.stringify(item.target)} is not a port`);
  return defined({
    name: textOf(item.name),
    mode: textOf(item.mode) ?? "ingress",
    host_ip: textOf(item.host_ip),
    target,
    published: textOf(item.published),
    protocol: textOf(item.protocol) ?? "tcp",
    app_protocol: textOf(item.app_protocol),
  }) as unknown as ProjectPort;
}

function shortForm(text: string): readonly ProjectPort[] {
  const [matched, address, published = "", target = "", protocol = "tcp"] = SHORT.exec(text) ?? [];
  const inside = range(target);
  const outside = published === "" ? undefined : range(published);
  if (matched === undefined || inside === undefined || (published !== "" && outside === undefined)) {
    throw new Error(
      `${JSON.stringify(text)} is not a port: write CONTAINER, HOST:CONTAINER or IP:HOST:CONTAINER`,
    );
  }
  const isOneOfRange = inside.length === 1 && outside !== undefined && outside.length > 1;
  if (outside !== undefined && outside.length !== inside.length && !isOneOfRange) {
    throw new Error(`${JSON.stringify(text)} has ranges of different lengths`);
  }
  return inside.map((port, i) =>
    defined({
      mode: "ingress",
      host_ip: address === undefined || address === "" ? undefined : address.replace(/^\[|\]$/g, ""),
      target: port,
      published: outside === undefined ? undefined : isOneOfRange ? published : String(outside[i]),
      protocol: protocol.toLowerCase(),
    }),
  ) as unknown as readonly ProjectPort[];
}

function range(text: string): readonly number[] | undefined {
  const [matched, first, last = first] = RANGE.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const [from, to] = [Number(first), Number(last)];
  if (!isPort(from) || !isPort(to) || to < from || to - from >= MAX_RANGE) return undefined;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
