// A bundle's configuration: an object with the configuration of each filter under the filter's
// name.

import { Bytes } from "../text/bytes";
import { keyPath } from "../text/config-path";
import { parseJson } from "../text/json";
import { JsonKind, JsonValue } from "../text/json-value";

const EMPTY_OBJECT = "{}";

/** The filters' parts of a document. */
@final
export class BundleConfig {
  /** For each filter the bytes of its value in the document, whose memory they share. */
  readonly parts: Array<Bytes> = [];
  /**
   * What is wrong with the document, as `path: reason`; empty if it is right. Each filter judges
   * its own part.
   */
  error: string = "";

  constructor(document: Bytes, filters: StaticArray<string>) {
    const parsed = parseJson(document.size == 0 ? Bytes.of(EMPTY_OBJECT) : document);
    const root = parsed.value;
    if (!root) this.error = parsed.fault;
    else if (root.kind != JsonKind.Object) this.error = "configuration: must be an object";
    else this.error = this.divide(document, root, filters);
  }

  private divide(document: Bytes, root: JsonValue, filters: StaticArray<string>): string {
    for (let i = 0; i < root.items.length; i++) {
      const key = root.items[i].key;
      if (isNamed(filters, key)) continue;
      return `${keyPath("", key)}: unknown key; expected one of ${filters.join(", ")}`;
    }
    for (let i = 0; i < filters.length; i++) {
      const value = root.find(Bytes.of(filters[i]));
      // Some filters do not work without a configuration. To leave one out on purpose, write {}.
      if (!value) return `${filters[i]}: is required`;
      this.parts.push(new Bytes(document.ptr + value.start, value.end - value.start));
    }
    return "";
  }
}

function isNamed(filters: StaticArray<string>, key: Bytes): bool {
  for (let i = 0; i < filters.length; i++) {
    if (Bytes.of(filters[i]).equals(key)) return true;
  }
  return false;
}
