// Compiles the key of a rule. Its TypeScript twin is `filters/shared/key-schema.ts`.

import { propertyPath } from "../../host/properties";
import { Bytes } from "../../text/bytes";
import { ConfigNode } from "../../text/config";
import { parseClaim } from "../claim-config";
import { parseTestedHeader } from "../match-config";
import { RequestSlots } from "../request-slots";
import { theOneOf } from "../value-config";
import { RuleKey } from "./key";
import {
  DEFAULT_IPV6_BITS,
  IPV4_BITS,
  IPV6_BITS,
  KEY_PARTS,
  MAX_KEY_PARTS,
  MAX_PART_SIZE,
  MAX_SEGMENT,
  TARGET_PARTS,
} from "./limits";
import {
  AddressPart,
  AttributePart,
  ClaimPart,
  CookiePart,
  HeaderPart,
  KeyPart,
  MethodPart,
  PrincipalPart,
  QueryPart,
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
  Cluster,
  Destination,
}

/** In the order of `Kind`. */
const KINDS = StaticArray.fromArray(KEY_PARTS.concat(TARGET_PARTS));
const ADDRESS_KEYS: StaticArray<string> = ["ipv4", "ipv6"];

const ROUTE_NAME = propertyPath(["xds", "route_name"]);
const CLUSTER_NAME = propertyPath(["xds", "cluster_name"]);
const URI_SAN = propertyPath(["connection", "uri_san_peer_certificate"]);

/** Which parts the keys of a filter's rules can have. */
@final
export class KeyVocabulary {
  private readonly keys: StaticArray<string>;

  /**
   * @param parts words of `KEY_PARTS` and `TARGET_PARTS`
   * @param destination the request header that `destination` reads
   * @param isNamed a part has another name in `as`
   */
  constructor(
    private readonly parts: StaticArray<string>,
    readonly destination: Bytes,
    private readonly isNamed: bool,
  ) {
    const as: StaticArray<string> = ["as"];
    this.keys = isNamed ? parts.concat<StaticArray<string>>(as) : parts;
  }

  /** The kind of the part, -1 after a fault. */
  kindOf(node: ConfigNode): i32 {
    node.keys(this.keys);
    const word = theOneOf(node, this.parts);
    return word < 0 ? -1 : KINDS.indexOf(this.parts[word]);
  }

  nameOf(node: ConfigNode, kind: i32): Bytes {
    const own = node.get("as");
    return this.isNamed && own.present ? own.text(1, MAX_PART_SIZE) : Bytes.of(KINDS[kind]);
  }
}

/** The key; an absent one is the same for all requests. */
export function parseKey(node: ConfigNode, slots: RequestSlots, vocabulary: KeyVocabulary): RuleKey {
  const parts: KeyPart[] = [];
  const count = node.present ? node.array(1, MAX_KEY_PARTS) : 0;
  for (let i = 0; i < count; i++) {
    const part = parsePart(node.at(i), slots, vocabulary);
    if (part) parts.push(part);
  }
  return new RuleKey(StaticArray.fromArray(parts));
}

function parsePart(node: ConfigNode, slots: RequestSlots, vocabulary: KeyVocabulary): KeyPart | null {
  const kind = vocabulary.kindOf(node);
  if (kind < 0) return null;
  const name = vocabulary.nameOf(node, kind);
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
      if (!operand.boolOr(false)) operand.fail("must be true");
      return flagPart(kind, name, slots, vocabulary.destination);
  }
}

/** A part without an operand. */
function flagPart(kind: i32, name: Bytes, slots: RequestSlots, destination: Bytes): KeyPart {
  switch (kind) {
    case Kind.Route:
      return new AttributePart(name, slots.attributes.slotOf(ROUTE_NAME));
    case Kind.Cluster:
      return new AttributePart(name, slots.attributes.slotOf(CLUSTER_NAME));
    case Kind.Destination:
      return new HeaderPart(name, slots.headers.slotOf(destination), true);
    case Kind.Principal:
      return new PrincipalPart(name, slots.attributes.slotOf(URI_SAN));
    default:
      slots.needMethod();
      return new MethodPart(name);
  }
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
