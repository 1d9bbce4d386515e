// A redirect: which address its `location` names. Pure.

import { Bytes, decimalText, pathEnd, Reply, scratch, viewOf } from "../../../assembly";
import { isHeaderValue } from "../../../assembly/config";
import { hostEnd } from "./host";
import { isPath, PathChange } from "./path-change";

const HTTP = Bytes.of("http");
const HTTPS = Bytes.of("https");
const HTTP_PORT: u32 = 80;
const HTTPS_PORT: u32 = 443;
const AFTER_SCHEME = Bytes.of("://");
const COLON = Bytes.of(":");
const ROOT = Bytes.of("/");
const NOTHING = Bytes.owned(0);

@final
export class Redirect {
  /** Each of these is `null`, or 0, where the redirect does not change it. */
  scheme: Bytes | null = null;
  host: Bytes | null = null;
  port: u32 = 0;
  path: PathChange | null = null;
  keepsQuery: bool = true;

  constructor(
    /** The answer without its `location`. */
    readonly reply: Reply,
  ) {}

  /** Whether `location` needs the request's host and scheme. */
  get isAbsolute(): bool {
    return this.scheme != null || this.host != null || this.port > 0;
  }

  /**
   * The `location`: a path alone where host, scheme and port stay, because a proxy before Envoy
   * may have others than the request has here. `null` where the request has no host, or one that
   * would say something else in an address. Valid until the callback ends.
   * @param target the request's path and query
   */
  location(target: Bytes | null, authority: Bytes | null, scheme: Bytes | null): Bytes | null {
    const path = this.pathOf(target);
    if (!isHeaderValue(path)) return null;
    if (!this.isAbsolute) return path;
    const host = this.host || hostOf(authority);
    if (!host) return null;
    const to = this.scheme || known(scheme);
    const standard = to.equals(HTTPS) ? HTTPS_PORT : HTTP_PORT;
    const port = this.port == 0 || this.port == standard ? NOTHING : decimalText(this.port);
    return joined(to, host, port, path);
  }

  private pathOf(target: Bytes | null): Bytes {
    const known = target && isPath(target) ? target : ROOT;
    const change = this.path;
    if (change) return change.of(known, this.keepsQuery);
    return this.keepsQuery ? known : viewOf(known, 0, pathEnd(known));
  }
}

function hostOf(authority: Bytes | null): Bytes | null {
  if (!authority) return null;
  const end = hostEnd(authority);
  return end < 0 ? null : viewOf(authority, 0, end);
}

function known(scheme: Bytes | null): Bytes {
  return scheme && scheme.equals(HTTPS) ? HTTPS : HTTP;
}

function joined(scheme: Bytes, host: Bytes, port: Bytes, path: Bytes): Bytes {
  const colon = port.size == 0 ? NOTHING : COLON;
  const all = scratch(scheme.size + AFTER_SCHEME.size + host.size + colon.size + port.size + path.size);
  let at = append(all.ptr, scheme);
  at = append(at, AFTER_SCHEME);
  at = append(at, host);
  at = append(at, colon);
  at = append(at, port);
  append(at, path);
  return all;
}

function append(at: usize, part: Bytes): usize {
  memory.copy(at, part.ptr, part.size);
  return at + part.size;
}
