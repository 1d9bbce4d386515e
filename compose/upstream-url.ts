// Reads the address of a service that already runs from the URL that a person writes.

export interface UpstreamAddress {
  /** A host's name or an IP address, without brackets. */
  readonly address: string;
  readonly port: number;
  /** Whether it speaks TLS. */
  readonly tls?: true;
  /**
   * Absent: with TLS what the service offers by ALPN, HTTP/2 before HTTP/1.1; otherwise HTTP/1.1.
   */
  readonly protocol?: "http1" | "http2";
}

/** The outcome: the address, or the reason why the text is not one. */
export type ParsedUpstream =
  | { readonly ok: true; readonly value: UpstreamAddress }
  | { readonly ok: false; readonly reason: string };

const SCHEMES = {
  "http:": { port: 80 },
  "h2c:": { port: 80, protocol: "http2" },
  "https:": { port: 443, tls: true },
} as const;

/**
 * Reads `http://HOST[:PORT]`, `h2c://HOST[:PORT]` (HTTP/2 without TLS) and `https://HOST[:PORT]`;
 * the port is 80 or 443 where none is written. Anything after the port except a single `/` is
 * refused.
 */
export function parseUpstreamUrl(text: string): ParsedUpstream {
  const refused = (reason: string): ParsedUpstream => ({ ok: false, reason });
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:)(\/\/.*)$/is.exec(text) ?? [];
  if (scheme === "") return refused('must begin with "http://", as in http://127.0.0.1:8080');
  // Hosts and ports of other schemes are read less strictly, so all are read as those of http.
  if (!URL.canParse(`http:${rest}`)) return refused("is not a URL; write it like http://127.0.0.1:8080");
  const how = SCHEMES[scheme.toLowerCase() as keyof typeof SCHEMES];
  if (how === undefined) {
    return refused(
      `must begin with "http://" or "https://", not "${scheme}//"; HTTP/2 and gRPC without TLS begin with "h2c://"`,
    );
  }
  const url = new URL(`http:${rest}`);
  if (url.username !== "" || url.password !== "") return refused("must not hold a user name or password");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return refused("must end after the port: paths are passed on as the client sends them");
  }
  const { port: usual, ...speaks } = how;
  const port = Number(/:(\d+)\/?$/.exec(rest)?.[1] ?? usual);
  if (port === 0) return refused("must name the port that the service listens on, not 0");
  return { ok: true, value: { address: url.hostname.replace(/^\[|\]$/g, ""), port, ...speaks } };
}

/** Like `parseUpstreamUrl`, and reads `tcp://HOST:PORT` too, for what does not speak HTTP. */
export function parseVersionUrl(text: string): ParsedUpstream {
  const [, rest] = /^tcp:(.*)$/i.exec(text) ?? [];
  if (rest === undefined) return parseUpstreamUrl(text);
  if (!/:\d+\/?$/.test(rest)) {
    return { ok: false, reason: "must name the port, as in tcp://127.0.0.1:5432" };
  }
  return parseUpstreamUrl(`http:${rest}`);
}

/** The URL as a person writes it. */
export function upstreamUrl({ address, port, tls, protocol }: UpstreamAddress): string {
  const scheme = tls ? "https" : protocol === "http2" ? "h2c" : "http";
  return `${scheme}://${bracketed(address)}:${port}`;
}

/** The host that the service's own clients would send, without the default port. */
export function upstreamHost({ address, port, tls }: UpstreamAddress): string {
  return port === (tls ? 443 : 80) ? bracketed(address) : `${bracketed(address)}:${port}`;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
