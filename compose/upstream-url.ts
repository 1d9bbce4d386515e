// Reads the address of a service that already runs from the URL that a person writes.

export interface UpstreamAddress {
  /** A host's name or an IP address, without brackets. */
  readonly address: string;
  readonly port: number;
  /** Whether it speaks TLS. */
  readonly tls?: true;
}

/** The outcome: the address, or the reason why the text is not one. */
export type ParsedUpstream =
  | { readonly ok: true; readonly value: UpstreamAddress }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads `http://HOST[:PORT]` and `https://HOST[:PORT]`; the port is 80 or 443 where none is
 * written. Anything after the port except a single `/` is refused.
 */
export function parseUpstreamUrl(text: string): ParsedUpstream {
  const refused = (reason: string): ParsedUpstream => ({ ok: false, reason });
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return refused('must begin with "http://", as in http://127.0.0.1:8080');
  if (!URL.canParse(text)) return refused("is not a URL; write it like http://127.0.0.1:8080");
  const url = new URL(text);
  const tls = url.protocol === "https:";
  if (url.protocol !== "http:" && !tls)
    return refused(`must begin with "http://" or "https://", not "${url.protocol}//"`);
  if (url.username !== "" || url.password !== "") return refused("must not hold a user name or password");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return refused("must end after the port: paths are passed on as the client sends them");
  }
  const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
  if (port === 0) return refused("must name the port that the service listens on, not 0");
  const address = url.hostname.replace(/^\[|\]$/g, "");
  return { ok: true, value: { address, port, ...(tls ? { tls } : {}) } };
}

/** The URL as a person writes it. */
export function upstreamUrl(upstream: UpstreamAddress): string {
  return `${upstream.tls ? "https" : "http"}://${bracketed(upstream.address)}:${upstream.port}`;
}

/** The host that the service's own clients would send, without the default port. */
export function upstreamHost({ address, port, tls }: UpstreamAddress): string {
  return port === (tls ? 443 : 80) ? bracketed(address) : `${bracketed(address)}:${port}`;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
