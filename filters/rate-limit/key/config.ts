// Compiles the key of a rule. Its TypeScript twin is `keyPart` of `schema.ts`.

import { Bytes, propertyPath } from "../../../assembly";
import { ConfigNode } from "../../../assembly/config";
import { parseClaim, parseTestedHeader, RequestSlots, theOneOf } from "../../../assembly/rules";
import {
  DEFAULT_IPV6_BITS,
  IPV4_BITS,
  IPV6_BITS,
  KEY_PARTS,
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

const ROUTE_NAME = propertyPath(["xds", "route_name"]);
const URI_SAN = propertyPath(["connection", "uri_san_peer_certificate"]);

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
      return new HeaderPart(name, slots.header(parseTestedHeader(operand)));
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
      return new ClaimPart(name, parseClaim(operand, slots));
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
