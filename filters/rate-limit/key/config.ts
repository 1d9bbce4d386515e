// Compiles the key of a rule. Its TypeScript twin is `keyPart` of `schema.ts`.

import { Bytes, propertyPath } from "../../../assembly";
import { ConfigNode } from "../../../assembly/config";
import { parseTestedHeader, RequestSlots, theOneOf } from "../../../assembly/rules";
import {
  DEFAULT_IPV6_BITS,
  IPV4_BITS,
  IPV6_BITS,
  JWT_NAMESPACE,
  KEY_PARTS,
  MAX_CLAIM_DEPTH,
  MAX_KEY_PARTS,
  MAX_PART_SIZE,
  MAX_SEGMENT,
} from "../limits";
import { RuleKey } from "./key";
import {
  AddressPart,
  ClaimPart,
  CookiePart,
  HeaderPart,
  KeyPart,
  MethodPart,
  PrincipalPart,
  QueryPart,
  RoutePart,
  SegmentPart,
  ValuePart,
} from "./parts";

enum Kind {
  Header,
  Cookie,
  Query,
  PathSegment,
  Method,
  Route,
  ClientAddress,
  Principal,
  JwtClaim,
  Value,
}

/** In the order of `Kind`. */
const KINDS = StaticArray.fromArray(KEY_PARTS);
const AS: StaticArray<string> = ["as"];
const PART_KEYS = KINDS.concat<StaticArray<string>>(AS);
const ADDRESS_KEYS: StaticArray<string> = ["ipv4", "ipv6"];
const CLAIM_KEYS: StaticArray<string> = ["payload", "claim", "namespace"];

const ROUTE_NAME = propertyPath(["xds", "route_name"]);
const URI_SAN = propertyPath(["connection", "uri_san_peer_certificate"]);
const DEFAULT_NAMESPACE = Bytes.of(JWT_NAMESPACE);

/** The key; an absent one is the same for all requests. */
export function parseKey(node: ConfigNode, slots: RequestSlots): RuleKey {
  const parts: KeyPart[] = [];
  const count = node.present ? node.array(1, MAX_KEY_PARTS) : 0;
  for (let i = 0; i < count; i++) {
    const part = parsePart(node.at(i), slots);
    if (part) parts.push(part);
  }
  return new RuleKey(StaticArray.fromArray(parts));
}

function parsePart(node: ConfigNode, slots: RequestSlots): KeyPart | null {
  node.keys(PART_KEYS);
  const kind = theOneOf(node, KINDS);
  if (kind < 0) return null;
  const own = node.get("as");
  const name = own.present ? own.text(1, MAX_PART_SIZE) : Bytes.of(KINDS[kind]);
  const operand = node.get(KINDS[kind]);
  switch (kind) {
    case Kind.Header:
      return new HeaderPart(name, slots.headers.slotOf(parseTestedHeader(operand)));
    case Kind.Cookie:
      slots.needCookie();
      return new CookiePart(name, slots.cookies.slotOf(operand.text(1, MAX_PART_SIZE)));
    case Kind.Query:
      slots.needPath();
      return new QueryPart(name, slots.parameters.slotOf(operand.text(1, MAX_PART_SIZE)));
    case Kind.PathSegment:
      slots.needPath();
      return new SegmentPart(name, <i32>operand.integer(0, MAX_SEGMENT));
    case Kind.ClientAddress:
      return parseAddress(operand, name);
    case Kind.JwtClaim:
      return parseClaim(operand, name, slots);
    case Kind.Value:
      return new ValuePart(name, operand.text(0, MAX_PART_SIZE));
    default:
      return parseFlag(operand, kind, name, slots);
  }
}

/** A part without an operand: its value must be `true`. */
function parseFlag(operand: ConfigNode, kind: i32, name: Bytes, slots: RequestSlots): KeyPart {
  if (!operand.boolOr(false)) operand.fail("must be true");
  if (kind == Kind.Route) return new RoutePart(name, slots.attributes.slotOf(ROUTE_NAME));
  if (kind == Kind.Principal) return new PrincipalPart(name, slots.attributes.slotOf(URI_SAN));
  slots.needMethod();
  return new MethodPart(name);
}

function parseAddress(node: ConfigNode, name: Bytes): KeyPart {
  if (!node.isObject) {
    if (!node.boolOr(false)) node.fail("must be true, or have ipv4, ipv6 or both");
    return new AddressPart(name, IPV4_BITS, DEFAULT_IPV6_BITS);
  }
  node.keys(ADDRESS_KEYS);
  const ipv4 = node.get("ipv4").integerOr(1, IPV4_BITS, IPV4_BITS);
  const ipv6 = node.get("ipv6").integerOr(1, IPV6_BITS, DEFAULT_IPV6_BITS);
  return new AddressPart(name, <i32>ipv4, <i32>ipv6);
}

/**
 * Envoy finds a value in its metadata by the words of its path. Each word ends with a NUL, so none
 * may contain one.
 */
function parseClaim(node: ConfigNode, name: Bytes, slots: RequestSlots): KeyPart {
  node.keys(CLAIM_KEYS);
  const namespace = node.get("namespace").textOr(DEFAULT_NAMESPACE, 1, MAX_PART_SIZE);
  let path = "metadata\0filter_metadata\0" + namespace.toString();
  if (namespace.indexOf(0) >= 0) node.get("namespace").fail("must not have a NUL");
  const payload = node.get("payload");
  path += "\0" + parseWord(payload);
  const claim = node.get("claim");
  const depth = claim.array(1, MAX_CLAIM_DEPTH);
  for (let i = 0; i < depth; i++) path += "\0" + parseWord(claim.at(i));
  return new ClaimPart(name, slots.attributes.slotOf(Bytes.of(path)));
}

function parseWord(node: ConfigNode): string {
  const word = node.text(1, MAX_PART_SIZE);
  if (word.indexOf(0) >= 0) node.fail("must not have a NUL");
  return word.toString();
}
