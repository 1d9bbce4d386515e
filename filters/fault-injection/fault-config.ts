// Compiles what a rule does to a request. Its TypeScript twins are `abort`, `blackHole` and
// `response` of `schema.ts`.

import { Bytes, NO_GRPC_STATUS, Reply } from "../../assembly";
import {
  ConfigNode,
  parseBody,
  parseContentType,
  parseDurationOr,
  parseReplyHeaders,
} from "../../assembly/config";
import { countPresent, theOneOf } from "../../assembly/rules";
import {
  ABORT_STATUSES,
  CUT_GRPC_STATUS,
  CUTS,
  EXPECTED_NAME,
  MAX_BLACK_HOLE_MS,
  MAX_BYTES,
  MAX_EXPECTED_NAME_SIZE,
  MAX_GRPC_STATUS,
  MAX_MESSAGES,
  MAX_STATUS,
  MIN_GRPC_STATUS,
  MIN_STATUS,
  RESPONSE_FAULTS,
} from "./limits";
import { ResponseFault, UNLIMITED } from "./response-fault";
import { FAULT_MESSAGE, httpStatusFor, isBodiless } from "./statuses";

const ABORT_KEYS: StaticArray<string> = [
  "status",
  "grpcStatus",
  "body",
  "headers",
  "contentType",
  "afterMessages",
];
const ABORT_STATUS_KEYS = StaticArray.fromArray(ABORT_STATUSES);
const TLS_FAILURE_KEYS: StaticArray<string> = ["expectedName"];
const DEFAULT_NAME = Bytes.of(EXPECTED_NAME);
const BLACK_HOLE_KEYS: StaticArray<string> = ["limit"];
const WHOLE_FAULT_KEYS = StaticArray.fromArray(RESPONSE_FAULTS);
const CUT_KEYS = StaticArray.fromArray(CUTS);
const RESPONSE_KEYS = WHOLE_FAULT_KEYS.concat<StaticArray<string>>(["grpcStatus", "reset"]);
const NEEDS_CUT = "needs one of " + CUTS.join(", ");

/** The answer at this place; `null` if there is none. */
export function parseAbort(node: ConfigNode): Reply | null {
  if (!node.present) return null;
  node.keys(ABORT_KEYS);
  const body = parseBody(node.get("body"));
  const headers = parseReplyHeaders(node.get("headers"));
  const contentType = parseContentType(node.get("contentType"));
  const kind = theOneOf(node, ABORT_STATUS_KEYS);
  if (kind < 0) return null;
  const isGrpc = kind == 1;
  const grpcStatus = isGrpc
    ? <i32>node.get("grpcStatus").integer(MIN_GRPC_STATUS, MAX_GRPC_STATUS)
    : NO_GRPC_STATUS;
  const status = isGrpc ? httpStatusFor(grpcStatus) : parseStatus(node.get("status"));
  if (body.size > 0 && isBodiless(status)) {
    node.get("body").fail("must be empty: a response of that status has no body");
  }
  return new Reply(status, grpcStatus, body, contentType, headers, FAULT_MESSAGE);
}

/**
 * After how many messages of the call the answer at this place comes; 0 if it comes at once, or if
 * there is none.
 */
export function parseAbortAfter(node: ConfigNode): u32 {
  return <u32>node.get("afterMessages").integerOr(1, MAX_MESSAGES, 0);
}

/** Milliseconds after which a black hole answers; 0 if it never does, or if there is none. */
export function parseBlackHole(node: ConfigNode): u32 {
  node.keys(BLACK_HOLE_KEYS);
  return <u32>parseDurationOr(node.get("limit"), 1, MAX_BLACK_HOLE_MS, 0);
}

/** The name that Envoy is to expect in the upstream's certificate; `null` for the right one. */
export function parseTlsFailure(node: ConfigNode, upstream: bool): Bytes | null {
  if (!node.present) return null;
  node.keys(TLS_FAILURE_KEYS);
  if (upstream) node.fail("needs a listener's chain: in a cluster's chain the connection is there already");
  const name = node.get("expectedName");
  const text = name.textOr(DEFAULT_NAME, 1, MAX_EXPECTED_NAME_SIZE);
  if (!isPlainName(text)) name.fail("must be a name of letters, digits, '-', '.', '_', ':' and '/'");
  return text;
}

/** Envoy splits the text at commas. */
function isPlainName(name: Bytes): bool {
  for (let i = 0; i < name.size; i++) {
    const byte = name.at(i);
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    // From '-' to ':' are '-', '.', '/', the digits and ':'.
    if (!isLetter && (byte < 0x2d || byte > 0x3a) && byte != 0x5f) return false;
  }
  return true;
}

/** How responses are spoilt; `null` if they are not. */
export function parseResponseFault(node: ConfigNode): ResponseFault | null {
  if (!node.present) return null;
  node.keys(RESPONSE_KEYS);
  if (countPresent(node, WHOLE_FAULT_KEYS) == 0) {
    node.fail("needs at least one of " + WHOLE_FAULT_KEYS.join(", "));
  }
  const cuts = countPresent(node, CUT_KEYS);
  if (cuts > 1) node.fail("must have at most one of " + CUT_KEYS.join(", "));
  const cutStatus = node.get("grpcStatus");
  if (cutStatus.present && cuts == 0) cutStatus.fail(NEEDS_CUT);
  const reset = node.get("reset");
  if (reset.present && cuts == 0) reset.fail(NEEDS_CUT);
  const status = node.get("status");
  return new ResponseFault(
    status.present ? parseStatus(status) : 0,
    <u32>node.get("truncateAfter").integerOr(0, MAX_BYTES, UNLIMITED),
    <u32>node.get("bytesPerSecond").integerOr(1, MAX_BYTES, UNLIMITED),
    <u32>node.get("afterMessages").integerOr(0, MAX_MESSAGES, UNLIMITED),
    <u32>cutStatus.integerOr(MIN_GRPC_STATUS, MAX_GRPC_STATUS, CUT_GRPC_STATUS),
    reset.boolOr(false),
  );
}

function parseStatus(node: ConfigNode): u32 {
  return <u32>node.integer(MIN_STATUS, MAX_STATUS);
}
