// Compiles the filter's JSON configuration. `schema.ts` is its twin: the conformance suite holds
// the two together.

import { Bytes } from "../../assembly";
import { Config, ConfigNode, isHeaderName } from "../../assembly/config";

const KEYS: StaticArray<string> = ["header", "values", "shadow"];
const MAX_HEADER_NAME: i32 = 128;
const MAX_VALUES: i32 = 100;
const MAX_VALUE: i32 = 256;

/** The compiled configuration. */
@final
export class FilterConfig {
  /** Name of the request header that is looked at. */
  header: Bytes = Bytes.of("x-api-key");
  /** The values that let a request pass. */
  values: StaticArray<Bytes> = [];
  /** Whether requests are only counted. */
  shadow: bool = false;
  /** What is wrong with the document, `path: reason`; empty where it was accepted. */
  error: string = "";

  /** Reads a document; on an error the other fields mean nothing. */
  static parse(document: Bytes): FilterConfig {
    const compiled = new FilterConfig();
    const config = Config.parse(document);
    compiled.read(config.root);
    compiled.error = config.error;
    return compiled;
  }

  private read(root: ConfigNode): void {
    root.keys(KEYS);
    this.header = readHeader(root.get("header"), this.header);
    this.values = readValues(root.get("values"));
    this.shadow = root.get("shadow").boolOr(false);
  }
}

function readHeader(node: ConfigNode, fallback: Bytes): Bytes {
  const header = node.textOr(fallback, 1, MAX_HEADER_NAME);
  if (!isHeaderName(header)) node.fail("must be a header name in lower case");
  return header;
}

function readValues(node: ConfigNode): StaticArray<Bytes> {
  const values = new StaticArray<Bytes>(node.array(1, MAX_VALUES));
  for (let i = 0; i < values.length; i++) {
    const item = node.at(i);
    const value = item.text(1, MAX_VALUE);
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
