// Compiles what a rule does beside choosing a destination, or in its place. The TypeScript twin is
// `schema.ts` beside this file.

import { Bytes, NO_GRPC_STATUS, Reply } from "../../../assembly";
import {
  ConfigNode,
  hasRepeat,
  parseBody,
  parseContentType,
  parseHeaderValue,
  parseLabel,
  parseReplyHeader,
  parseReplyHeaders,
} from "../../../assembly/config";
import { countPresent, parseWrittenHeader } from "../../../assembly/rules";
import {
  ACTIONS,
  BODILESS,
  DEFAULT_REDIRECT_STATUS,
  EDITS,
  MAX_EDITS,
  MAX_GRPC_STATUS,
  MAX_HOST_SIZE,
  MAX_PATH_SIZE,
  MAX_PORT,
  MAX_STATUS,
  MIN_STATUS,
  PATH_CHANGES,
  REDIRECT_STATUSES,
  REDIRECTS,
  REWRITES,
  SCHEMES,
} from "../limits";
import { Actions } from "./actions";
import { HeaderEdits } from "./header-edits";
import { hostEnd } from "./host";
import { PathChange } from "./path-change";
import { Redirect } from "./redirect";

export const ACTION_KEYS = StaticArray.fromArray(ACTIONS);
const REWRITE_KEYS = StaticArray.fromArray(REWRITES);
const REDIRECTED_KEYS = StaticArray.fromArray(REDIRECTS);
const REDIRECT_KEYS = REDIRECTED_KEYS.concat<StaticArray<string>>(["status", "stripQuery"]);
const PATH_CHANGE_KEYS = StaticArray.fromArray(PATH_CHANGES);
const EDIT_KEYS = StaticArray.fromArray(EDITS);
const EDITED_HEADER_KEYS: StaticArray<string> = ["name", "value"];
const ANSWER_KEYS: StaticArray<string> = ["status", "body", "contentType", "headers", "grpcStatus"];
const SCHEME_WORDS = StaticArray.fromArray(SCHEMES);
const OWN = "is written by this filter, which first removes what a client sent";

const NOTHING = Bytes.owned(0);
const REDIRECTED = Bytes.of("redirected");
const ANSWERED = Bytes.of("answered by a rule");
const SLASH: u8 = 0x2f;
const DOT: u8 = 0x2e;
const BACKSLASH: u8 = 0x5c;
const QUESTION_MARK: u8 = 0x3f;
const NUMBER_SIGN: u8 = 0x23;

/** Where actions stand, and what surrounds them. */
@final
export class ActionPlace {
  constructor(
    /** Bytes of the prefix that the rule's `match.path.segments` has matched; -1 without one. */
    readonly prefixSize: i32,
    /** Headers that the filter itself writes. */
    readonly ownHeaders: Array<Bytes>,
  ) {}
}

/** The size of `match.path.segments` of a rule without a `/` at its end; -1 if it has none. */
export function segmentsSize(rule: ConfigNode): i32 {
  const segments = rule.get("match").get("path").get("segments");
  if (!segments.isText) return -1;
  const path = segments.text(0, i32.MAX_VALUE);
  return path.size > 0 && path.at(path.size - 1) == SLASH ? path.size - 1 : path.size;
}

/**
 * The actions of a rule or of one destination, which has those of its rule where it has no other.
 */
export function parseActions(node: ConfigNode, place: ActionPlace, ofRule: Actions | null): Actions | null {
  if (countPresent(node, ACTION_KEYS) == 0) return ofRule;
  const actions = new Actions();
  if (ofRule) {
    actions.path = ofRule.path;
    actions.host = ofRule.host;
    actions.requestHeaders = ofRule.requestHeaders;
    actions.responseHeaders = ofRule.responseHeaders;
    actions.mirror = ofRule.mirror;
  }
  const rewrite = node.get("rewrite");
  if (rewrite.present) {
    rewrite.keys(REWRITE_KEYS);
    checkChanges(rewrite, REWRITE_KEYS);
    actions.path = parsePathChange(rewrite, place.prefixSize);
    actions.host = parseHost(rewrite.get("host"), true);
  }
  const request = node.get("requestHeaders");
  if (request.present) actions.requestHeaders = parseEdits(request, true, place.ownHeaders);
  const response = node.get("responseHeaders");
  if (response.present) actions.responseHeaders = parseEdits(response, false, []);
  const mirror = node.get("mirror");
  if (mirror.present) actions.mirror = parseLabel(mirror);
  return actions;
}

/** The required redirect at this place. */
export function parseRedirect(node: ConfigNode, place: ActionPlace): Redirect {
  node.keys(REDIRECT_KEYS);
  checkChanges(node, REDIRECTED_KEYS);
  const status = node.get("status").integerOr(0, MAX_STATUS, DEFAULT_REDIRECT_STATUS);
  if (REDIRECT_STATUSES.indexOf(<i32>status) < 0) {
    node.get("status").fail("must be one of " + REDIRECT_STATUSES.join(", "));
  }
  const reply = new Reply(<u32>status, NO_GRPC_STATUS, NOTHING, null, [], REDIRECTED);
  const redirect = new Redirect(reply);
  const scheme = node.get("scheme");
  if (scheme.present) redirect.scheme = Bytes.of(SCHEME_WORDS[scheme.oneOf(SCHEME_WORDS)]);
  redirect.host = parseHost(node.get("host"), false);
  redirect.port = <u32>node.get("port").integerOr(1, MAX_PORT, 0);
  redirect.path = parsePathChange(node, place.prefixSize);
  redirect.keepsQuery = !node.get("stripQuery").boolOr(false);
  return redirect;
}

/** The required answer at this place. */
export function parseAnswer(node: ConfigNode): Reply {
  node.keys(ANSWER_KEYS);
  const status = <u32>node.get("status").integer(MIN_STATUS, MAX_STATUS);
  const body = parseBody(node.get("body"));
  const type = parseContentType(node.get("contentType"));
  const headers = parseReplyHeaders(node.get("headers"));
  const grpcStatus = <i32>node.get("grpcStatus").integerOr(0, MAX_GRPC_STATUS, NO_GRPC_STATUS);
  if (body.size > 0 && BODILESS.indexOf(status) >= 0) {
    node.get("body").fail("must be empty: a response of that status has no body");
  }
  return new Reply(status, grpcStatus, body, type, headers, ANSWERED);
}

function checkChanges(node: ConfigNode, changes: StaticArray<string>): void {
  if (countPresent(node, changes) == 0) node.fail("needs at least one of " + changes.join(", "));
  if (countPresent(node, PATH_CHANGE_KEYS) > 1)
    node.fail("must have at most one of " + PATH_CHANGE_KEYS.join(", "));
}

function parsePathChange(node: ConfigNode, prefixSize: i32): PathChange | null {
  const whole = node.get("path");
  if (whole.present) return new PathChange(parsePath(whole), -1);
  const prefix = node.get("prefix");
  if (!prefix.present) return null;
  const path = parsePath(prefix);
  if (prefixSize < 0) prefix.fail("needs 'match.path.segments', which it replaces");
  // Each path that is longer than the prefix has the slash that follows.
  if (path.size > 0 && path.at(path.size - 1) == SLASH) path.size--;
  return new PathChange(path, prefixSize);
}

/** A path that means the same to everyone who reads it. */
function parsePath(node: ConfigNode): Bytes {
  const path = node.text(1, MAX_PATH_SIZE).copy();
  if (path.size > 0 && !isPlainPath(path)) {
    node.fail("must begin with '/', be printable ASCII, and have no '//', '.', '..', '?', '#' or '\\'");
  }
  return path;
}

function isPlainPath(path: Bytes): bool {
  if (path.at(0) != SLASH) return false;
  let start = 1;
  for (let i = 1; i <= path.size; i++) {
    const byte = i < path.size ? path.at(i) : SLASH;
    if (byte <= 0x20 || byte >= 0x7f) return false;
    if (byte == QUESTION_MARK || byte == NUMBER_SIGN || byte == BACKSLASH) return false;
    if (byte != SLASH) continue;
    // An empty segment is allowed at the end alone.
    if (i == start && i < path.size) return false;
    if (isDots(path, start, i)) return false;
    start = i + 1;
  }
  return true;
}

function isDots(path: Bytes, start: i32, end: i32): bool {
  if (end - start < 1 || end - start > 2) return false;
  return path.at(start) == DOT && path.at(end - 1) == DOT;
}

function parseHost(node: ConfigNode, mayHavePort: bool): Bytes | null {
  if (!node.present) return null;
  const host = node.text(1, MAX_HOST_SIZE);
  const end = hostEnd(host);
  if (end < 0 || (end < host.size && !mayHavePort)) {
    node.fail(mayHavePort ? "must be a host, with a port or without" : "must be a host without a port");
  }
  return host;
}

function parseEdits(node: ConfigNode, ofRequest: bool, own: Array<Bytes>): HeaderEdits {
  node.keys(EDIT_KEYS);
  if (countPresent(node, EDIT_KEYS) == 0) node.fail("needs at least one of " + EDIT_KEYS.join(", "));
  const remove = node.get("remove");
  const removed: Bytes[] = [];
  const count = remove.present ? remove.array(1, MAX_EDITS) : 0;
  for (let i = 0; i < count; i++) removed.push(notOwn(remove.at(i), parseReplyHeader(remove.at(i)), own));
  const set = parsePairs(node.get("set"), ofRequest, own);
  const names: Bytes[] = [];
  for (let i = 0; i < set.length; i += 2) names.push(set[i]);
  if (hasRepeat(names)) node.get("set").fail("name a header twice");
  return new HeaderEdits(removed, set, parsePairs(node.get("add"), ofRequest, own));
}

/** Names and values, alternating. */
function parsePairs(node: ConfigNode, ofRequest: bool, own: Array<Bytes>): Array<Bytes> {
  const pairs: Bytes[] = [];
  const count = node.present ? node.array(1, MAX_EDITS) : 0;
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    item.keys(EDITED_HEADER_KEYS);
    const name = item.get("name");
    pairs.push(notOwn(name, ofRequest ? parseWrittenHeader(name) : parseReplyHeader(name), own));
    pairs.push(parseHeaderValue(item.get("value")));
  }
  return pairs;
}

function notOwn(node: ConfigNode, name: Bytes, own: Array<Bytes>): Bytes {
  for (let i = 0; i < own.length; i++) {
    if (name.equals(own[i])) node.fail(OWN);
  }
  return name;
}
