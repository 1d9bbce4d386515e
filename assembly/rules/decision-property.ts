// What the filters of a request decided, in one property of its stream: `FILTER=RULE:WORD
// FILTER=RULE:WORD`. All filters, chains, attempts and VMs add to the same value, which access logs
// and spans show as `%FILTER_STATE(wasm.NAME:PLAIN)%`.

import { setProperty } from "../host/filter-state";
import { getProperty } from "../host/properties";
import { Bytes } from "../text/bytes";
import { ConfigNode } from "../text/config";
import { parseLabel } from "../text/label";
import { TextBuffer } from "../text/text-buffer";
import { isListed } from "../text/word-list";
import { ATTRIBUTE_ROOTS } from "./limits";

/** Most bytes of the text: the items of a thousand shadow rules would fill a log. */
const MAX_DECISIONS_SIZE: i32 = 4096;
const SEPARATOR = Bytes.of(" ");
const RESERVED = Bytes.of(ATTRIBUTE_ROOTS);

/** The property that a configuration names. Writing allocates nothing after its longest text. */
@final
export class DecisionProperty {
  private readonly value: TextBuffer = new TextBuffer();
  private readonly prefix: string;

  /**
   * @param name one segment of a path
   * @param filter the filter's name
   */
  constructor(
    private readonly name: Bytes,
    filter: string,
  ) {
    this.prefix = filter + "=";
  }

  /** `FILTER=DECISION`, for `add`. Make it once the configuration is accepted. */
  item(decision: string): Bytes {
    return Bytes.of(this.prefix + decision);
  }

  /**
   * Adds an item of `item` to what the filters of this stream decided before. It is left out if the
   * text would become longer than 4,096 bytes. Two host calls.
   */
  add(item: Bytes): void {
    const before = getProperty(this.name);
    if (!before) {
      setProperty(this.name, item);
      return;
    }
    if (before.size + SEPARATOR.size + item.size > MAX_DECISIONS_SIZE) return;
    const value = this.value;
    value.clear();
    value.add(before);
    value.add(SEPARATOR);
    value.add(item);
    setProperty(this.name, value.text());
  }
}

/**
 * The value of `explainProperty`: a label that is not the name of an attribute of Envoy's, since
 * reads of such a property would return the attribute. `null` if it is absent.
 * @param filter the filter's name
 */
export function parseExplainProperty(node: ConfigNode, filter: string): DecisionProperty | null {
  if (!node.present) return null;
  const name = parseLabel(node);
  if (isListed(RESERVED, name)) node.fail("must not be the name of an attribute of Envoy's");
  return new DecisionProperty(name, filter);
}
