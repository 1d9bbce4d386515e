// Reads the cookie of a split. Its TypeScript twin is `schema.ts`. Source of the forms: RFC 6265,
// section 4.1.1, and for the prefixes of names and for `SameSite` its successor,
// draft-ietf-httpbis-rfc6265bis.

import { Bytes, TextBuffer } from "../../../assembly";
import { ConfigNode, hasRepeat, parseDuration } from "../../../assembly/config";
import { RequestSlots } from "../../../assembly/rules";
import {
  COOKIE_PATH,
  HOST_PREFIX,
  MAX_COOKIE_AGE_MS,
  MAX_COOKIE_NAME_SIZE,
  MAX_COOKIE_PATH_SIZE,
  MAX_DOMAIN_SIZE,
  MAX_SECRET_SIZE,
  MAX_SECRETS,
  MIN_COOKIE_AGE_MS,
  MIN_SECRET_SIZE,
  SAME_SITE,
  SECURE_PREFIX,
  VISITOR_COOKIE,
} from "../limits";
import { isCookieName, isCookiePath, isDomain, startsInAnyCase } from "./forms";
import { Signer } from "./signer";
import { SplitCookie } from "./split-cookie";

const COOKIE_KEYS: StaticArray<string> = [
  "name",
  "path",
  "domain",
  "maxAge",
  "refresh",
  "sameSite",
  "secure",
  "httpOnly",
  "secrets",
];
const SAME_SITE_WORDS = StaticArray.fromArray(SAME_SITE);
/** As the header has them, in the order of `SAME_SITE`. */
const SAME_SITE_VALUES: StaticArray<string> = ["Lax", "Strict", "None"];
const FOR_SECURE_ONLY = SAME_SITE.length - 1;
const DEFAULT_NAME = Bytes.of(VISITOR_COOKIE);
const DEFAULT_PATH = Bytes.of(COOKIE_PATH);
const HOST = Bytes.of(HOST_PREFIX);
const SECURE = Bytes.of(SECURE_PREFIX);
const MS_PER_SECOND: u64 = 1000;

/** The cookies of a configuration, one for each name. */
@final
export class SplitCookies {
  private readonly known: Map<string, SplitCookie> = new Map<string, SplitCookie>();

  /** The cookie of a split; `null` for an absent one. */
  parse(node: ConfigNode, slots: RequestSlots): SplitCookie | null {
    if (!node.present) return null;
    const cookie = parseCookie(node, slots);
    const name = cookie.name.toString();
    if (!this.known.has(name)) this.known.set(name, cookie);
    const first = this.known.get(name);
    // Two settings of one name would replace each other's cookies again and again.
    if (!first.isLike(cookie)) node.fail("must be like the cookie of this name in a rule before");
    return first;
  }
}

function parseCookie(node: ConfigNode, slots: RequestSlots): SplitCookie {
  node.keys(COOKIE_KEYS);
  slots.needCookie();
  const name = parseName(node.get("name"));
  const path = parsePath(node.get("path"));
  const domain = parseDomain(node.get("domain"));
  const seconds = parseMaxAge(node.get("maxAge"));
  const sameSite = node.get("sameSite").oneOfOr(SAME_SITE_WORDS, 0);
  const isSecure = node.get("secure").boolOr(false);
  const isHttpOnly = node.get("httpOnly").boolOr(true);
  const refresh = node.get("refresh");
  const refreshes = refresh.boolOr(false);
  const signer = parseSecrets(node.get("secrets"), name);
  if (refresh.present && seconds == 0) refresh.fail("needs 'maxAge'");
  if (sameSite == FOR_SECURE_ONLY && !isSecure) node.get("sameSite").fail("none needs 'secure: true'");
  const isHost = startsInAnyCase(name, HOST);
  if ((isHost || startsInAnyCase(name, SECURE)) && !isSecure) {
    node.get("name").fail("with this prefix needs 'secure: true'");
  }
  if (isHost && (domain || !path.equals(DEFAULT_PATH))) {
    node.get("name").fail("with this prefix needs the path / and no domain");
  }

  const attributes = new TextBuffer();
  attribute(attributes, "Path", path);
  if (domain) attribute(attributes, "Domain", domain);
  if (seconds > 0) attribute(attributes, "Max-Age", Bytes.of(seconds.toString()));
  attribute(attributes, "SameSite", Bytes.of(SAME_SITE_VALUES[sameSite]));
  if (isSecure) attribute(attributes, "Secure");
  if (isHttpOnly) attribute(attributes, "HttpOnly");
  return new SplitCookie(name, attributes.text().copy(), signer, refreshes, slots.cookie);
}

function attribute(attributes: TextBuffer, name: string, value: Bytes | null = null): void {
  attributes.add(Bytes.of("; " + name));
  if (!value) return;
  attributes.add(Bytes.of("="));
  attributes.add(value);
}

function parseName(node: ConfigNode): Bytes {
  const name = node.textOr(DEFAULT_NAME, 1, MAX_COOKIE_NAME_SIZE);
  if (!isCookieName(name)) node.fail("must be a token: letters, digits and !#$%&'*+.^_`|~-");
  return name;
}

function parsePath(node: ConfigNode): Bytes {
  const path = node.textOr(DEFAULT_PATH, 1, MAX_COOKIE_PATH_SIZE);
  if (!isCookiePath(path)) node.fail("must begin with '/' and have no ';', blank or byte beyond ASCII");
  return path;
}

function parseDomain(node: ConfigNode): Bytes | null {
  if (!node.present) return null;
  const domain = node.text(1, MAX_DOMAIN_SIZE);
  if (!isDomain(domain)) node.fail("must be a host's name in small letters, without a dot before it");
  return domain;
}

/** In seconds; 0 for a cookie that ends with the browser's session. */
function parseMaxAge(node: ConfigNode): u64 {
  if (!node.present) return 0;
  const ms = parseDuration(node, MIN_COOKIE_AGE_MS, MAX_COOKIE_AGE_MS);
  if (ms % MS_PER_SECOND != 0) node.fail("must be whole seconds");
  return ms / MS_PER_SECOND;
}

function parseSecrets(node: ConfigNode, name: Bytes): Signer | null {
  if (!node.present) return null;
  const count = node.array(1, MAX_SECRETS);
  const secrets: Bytes[] = [];
  for (let i = 0; i < count; i++) secrets.push(node.at(i).text(MIN_SECRET_SIZE, MAX_SECRET_SIZE));
  if (hasRepeat(secrets)) node.fail("names a secret twice");
  return count == 0 ? null : new Signer(StaticArray.fromArray(secrets), name);
}
