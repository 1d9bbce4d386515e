// Compiles the filter's JSON configuration. `schema.ts` is its twin: the conformance suite checks
// that both agree.

import { Bytes } from "../../assembly";
import { ConfigNode, isHeaderName } from "../../assembly/config";
import { DEFAULT_HEADER, MAX_HEADER_SIZE, MAX_VALUE_SIZE, MAX_VALUES } from "./limits";

const KEYS: StaticArray<string> = ["header", "values", "shadow"];

/** The compiled configuration. Not to be used if the document has a fault. */
@final
export class FilterConfig {
  /** Name of the request header that the filter reads. */
  readonly header: Bytes;
  /** The values that let a request pass. */
  readonly values: StaticArray<Bytes>;
  /** Whether requests are only counted. */
  readonly shadow: bool;

  constructor(root: ConfigNode) {
    root.keys(KEYS);
    this.header = readHeader(root.get("header"));
    this.values = readValues(root.get("values"));
    this.shadow = root.get("shadow").boolOr(false);
  }
}

function readHeader(node: ConfigNode): Bytes {
  const header = node.textOr(Bytes.of(DEFAULT_HEADER), 1, MAX_HEADER_SIZE);
  if (!isHeaderName(header)) node.fail("must be a header name in lower case");
  return header;
}

function readValues(node: ConfigNode): StaticArray<Bytes> {
  const values = new StaticArray<Bytes>(node.array(1, MAX_VALUES));
  for (let i = 0; i < values.length; i++) {
    const item = node.at(i);
    const value = item.text(1, MAX_VALUE_SIZE);
    if (!isVisible(value)) item.fail("must be of visible ASCII characters");
    values[i] = value;
  }
  return values;
}

function isVisible(value: Bytes): bool {
  for (let i = 0; i < value.size; i++) {
    if (value.at(i) < 0x21 || value.at(i) > 0x7e) return false;
  }
  return true;
}
