// Which traffic a rule is about: a match, a share of what matches, and whether it only shows what
// it would do. The same in every filter that has rules. Its TypeScript twin is `ruleSelection` of
// `filters/shared/rule-schema.ts`.

import { Bytes } from "../text/bytes";
import { ConfigNode } from "../text/config";
import { BUCKETS, bucketOf, hash64 } from "../text/hash";
import { parseLabel } from "../text/label";
import { MAX_SALT_SIZE } from "./limits";
import { parseMatch, parsePercentage } from "./match-config";
import { RequestMatch } from "./request-match";
import { RequestSlots, RequestView } from "./request-view";
import { parseStickyKey, StickyKey } from "./sticky-key";

const SHARE_KEYS: StaticArray<string> = ["percentage", "key", "salt"];

/** The keys of a rule that `parseRuleSelection` reads; a filter adds its own. */
export const SELECTION_KEYS: StaticArray<string> = ["name", "match", "share", "shadow"];

/** A part of the requests: drawn for each, or the same keys always. */
@final
export class Share {
  constructor(
    private readonly buckets: u32,
    private readonly key: StickyKey | null,
    private readonly salt: u64,
  ) {}

  /**
   * Whether the request is of the share. Who is of a share stays so when it grows. A request
   * without the key is drawn for.
   */
  includes(request: RequestView): bool {
    if (this.buckets == BUCKETS) return true;
    const key = this.key;
    const value = key ? key.of(request) : null;
    const bucket = value ? bucketOf(this.salt, value) : request.draw(BUCKETS);
    return bucket < this.buckets;
  }
}

/** What a rule is called, and what it is about. */
@final
export class RuleSelection {
  constructor(
    readonly name: Bytes,
    readonly match: RequestMatch,
    readonly share: Share,
    /** The rule counts what it would do, and does nothing. */
    readonly shadow: bool,
  ) {}
}

/**
 * Reads `name`, `match`, `share` and `shadow` of a rule. `reserved` is a request header that the
 * filter itself writes, if there is one.
 */
export function parseRuleSelection(
  node: ConfigNode,
  slots: RequestSlots,
  reserved: Bytes | null = null,
): RuleSelection {
  const name = parseLabel(node.get("name"));
  const match = parseMatch(node.get("match"), slots, reserved);
  const share = parseShare(node.get("share"), slots, name);
  return new RuleSelection(name, match, share, node.get("shadow").boolOr(false));
}

/**
 * Reads a share; an absent one is all. Without a salt of its own it has the rule's name for one.
 */
function parseShare(node: ConfigNode, slots: RequestSlots, rule: Bytes): Share {
  if (!node.present) return new Share(BUCKETS, null, 0);
  node.keys(SHARE_KEYS);
  const percentage = node.get("percentage");
  if (!percentage.present) percentage.fail("is required");
  const buckets = parsePercentage(percentage);
  const key = parseStickyKey(node.get("key"), slots);
  return new Share(buckets, key, parseSalt(node.get("salt"), rule));
}

/** The seed of a hash over keys; nothing here means the rule's name. */
export function parseSalt(node: ConfigNode, rule: Bytes): u64 {
  const salt = node.textOr(rule, 0, MAX_SALT_SIZE);
  return hash64(0, salt.ptr, salt.size);
}
