// Which traffic a rule is about: a match, a share of the matching requests, and whether the rule
// only shows what it would do. The same in every filter that has rules. Its TypeScript twin is
// `ruleSelection` of `filters/shared/rule-schema.ts`.

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

/** A share of the requests: each is drawn for, or the same keys are always in it. */
@final
export class Share {
  constructor(
    private readonly buckets: u32,
    private readonly key: StickyKey | null,
    private readonly salt: u64,
  ) {}

  /**
   * Whether the request is in the share. A key that is in the share stays in it when the share
   * grows. A request without the key is drawn for.
   */
  includes(request: RequestView): bool {
    if (this.buckets == BUCKETS) return true;
    const key = this.key;
    const value = key ? key.of(request) : null;
    const bucket = value ? bucketOf(this.salt, value) : request.draw(BUCKETS);
    return bucket < this.buckets;
  }
}

/** A rule's name, and the requests that it is about. */
@final
export class RuleSelection {
  constructor(
    readonly name: Bytes,
    readonly match: RequestMatch,
    readonly share: Share,
    /** The rule only counts what it would do. */
    readonly shadow: bool,
  ) {}
}

/**
 * Reads `name`, `match`, `share` and `shadow` of a rule. `reserved` is a request header that the
 * filter itself writes, or `null`.
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

/** Reads a share; an absent one means all requests. The default salt is the rule's name. */
function parseShare(node: ConfigNode, slots: RequestSlots, rule: Bytes): Share {
  if (!node.present) return new Share(BUCKETS, null, 0);
  node.keys(SHARE_KEYS);
  const percentage = node.get("percentage");
  if (!percentage.present) percentage.fail("is required");
  const buckets = parsePercentage(percentage);
  const key = parseStickyKey(node.get("key"), slots);
  return new Share(buckets, key, parseSalt(node.get("salt"), rule));
}

/** The seed of a hash over keys. An absent salt means the rule's name. */
export function parseSalt(node: ConfigNode, rule: Bytes): u64 {
  const salt = node.textOr(rule, 0, MAX_SALT_SIZE);
  return hash64(0, salt.ptr, salt.size);
}
