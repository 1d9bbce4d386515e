// A filter's configuration as the filter's `config.ts` reads it: places in a JSON document that
// know their path, and the first thing that is wrong with it. Reading goes on after a fault with
// harmless values, so that a filter asks once, at the end, whether there was one.

import { Bytes } from "./bytes";
import { counted, indexPath, keyPath, shownNumber } from "./config-path";
import { parseJson } from "./json";
import { JsonKind, JsonValue } from "./json-value";

/**
 * The largest magnitude up to which a double holds every whole number; `zod` on the other side
 * reads numbers the same way.
 */
const MAX_WHOLE: f64 = 9007199254740992;

const EMPTY = Bytes.owned(0);

class FirstFault {
  text: string = "";
}

/** A document and the first thing wrong with it. Owns its memory. */
@final
export class Config {
  constructor(
    /** The whole document. Absent when it is not JSON. */
    readonly root: ConfigNode,
    private readonly fault: FirstFault,
  ) {}

  /**
   * Parses a document of any bytes; one of size 0 counts as `{}`. What is wrong with it, `error`
   * says.
   */
  static parse(document: Bytes): Config {
    const fault = new FirstFault();
    const parsed = parseJson(document.size == 0 ? Bytes.of("{}") : document);
    if (!parsed.value) fault.text = `line ${parsed.line}, column ${parsed.column}: ${parsed.reason}`;
    return new Config(new ConfigNode(fault, parsed.value, null, EMPTY, -1), fault);
  }

  get failed(): bool {
    return this.fault.text.length > 0;
  }

  /** The first thing wrong, as `path: reason`; empty when nothing is. */
  get error(): string {
    return this.fault.text;
  }
}

/**
 * A place in the document, where there may be a value or none. A method that finds something wrong
 * records it and returns its fallback, or what it says below. `null` is a value of the wrong kind,
 * not an absent one.
 */
@final
export class ConfigNode {
  /** For `Config` and this class. `index` is -1 except for the item of an array. */
  constructor(
    private readonly fault: FirstFault,
    private readonly value: JsonValue | null,
    private readonly parent: ConfigNode | null,
    private readonly key: Bytes,
    private readonly index: i32,
  ) {}

  /** Records that this place is wrong, unless something was wrong before. */
  fail(reason: string): void {
    if (this.fault.text.length > 0) return;
    const path = this.path();
    this.fault.text = `${path.length > 0 ? path : "configuration"}: ${reason}`;
  }

  private path(): string {
    const parent = this.parent;
    if (!parent) return "";
    return this.index >= 0 ? indexPath(parent.path(), this.index) : keyPath(parent.path(), this.key);
  }

  get present(): bool {
    return this.value != null;
  }

  get isObject(): bool {
    return this.isA(JsonKind.Object);
  }

  get isArray(): bool {
    return this.isA(JsonKind.Array);
  }

  get isText(): bool {
    return this.isA(JsonKind.Text);
  }

  get isNumber(): bool {
    return this.isA(JsonKind.Number);
  }

  get isBool(): bool {
    return this.isA(JsonKind.Bool);
  }

  private isA(kind: JsonKind): bool {
    const value = this.value;
    return value != null && value.kind == kind;
  }

  /**
   * The value when there is one of that kind. Nothing there is no fault; a value of another kind
   * is.
   */
  private optional(kind: JsonKind, reason: string): JsonValue | null {
    const value = this.value;
    if (!value || value.kind == kind) return value;
    this.fail(reason);
    return null;
  }

  /** The value when there is one of that kind; anything else is a fault. */
  private required(kind: JsonKind, reason: string): JsonValue | null {
    if (!this.present) this.fail("is required");
    return this.optional(kind, reason);
  }

  /** What an object holds under `key`. A value that is no object is a fault. */
  get(key: string): ConfigNode {
    const name = Bytes.of(key);
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    return new ConfigNode(this.fault, object ? object.find(name) : null, this, name, -1);
  }

  /** Demands that a value here is an object with no key but the `allowed` ones. */
  keys(allowed: StaticArray<string>): void {
    for (let i = 0; i < this.objectLength; i++) {
      const key = this.keyAt(i);
      if (indexOfText(allowed, key) < 0)
        this.valueAt(i).fail(`unknown key; expected one of ${allowed.join(", ")}`);
    }
  }

  /** Number of keys of an object, 0 when nothing is here. A value that is no object is a fault. */
  get objectLength(): i32 {
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    return object ? object.items.length : 0;
  }

  /**
   * The key number `index` of an object, in the order of the document; empty outside [0,
   * objectLength).
   */
  keyAt(index: i32): Bytes {
    return this.valueAt(index).key;
  }

  /** The value of that key; absent outside [0, objectLength). */
  valueAt(index: i32): ConfigNode {
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    const value = object ? itemAt(object, index) : null;
    return new ConfigNode(this.fault, value, this, value ? value.key : EMPTY, -1);
  }

  /**
   * Demands an array of `min` to `max` items. Returns how many there are; after a fault 0, so that
   * no more of them is read.
   */
  array(min: i32, max: i32): i32 {
    const array = this.required(JsonKind.Array, MUST_BE_ARRAY);
    if (!array) return 0;
    const length = array.items.length;
    if (length >= min && length <= max) return length;
    if (length < min) this.fail(`must have at least ${counted(min, "item")}, not ${length}`);
    else this.fail(`must have at most ${counted(max, "item")}, not ${length}`);
    return 0;
  }

  /** The item number `index` of an array; absent outside of it. */
  at(index: i32): ConfigNode {
    const array = this.optional(JsonKind.Array, MUST_BE_ARRAY);
    return new ConfigNode(this.fault, array ? itemAt(array, index) : null, this, EMPTY, max(0, index));
  }

  /**
   * The string that must be here, of `minSize` to `maxSize` bytes. It owns its memory. After a
   * fault: empty.
   */
  text(minSize: i32, maxSize: i32): Bytes {
    const value = this.required(JsonKind.Text, "must be a string");
    if (!value) return EMPTY;
    const size = value.text.size;
    if (size >= minSize && size <= maxSize) return value.text;
    if (size == 0) this.fail("must not be empty");
    else if (size < minSize) this.fail(`must be at least ${counted(minSize, "byte")} long, not ${size}`);
    else this.fail(`must be at most ${counted(maxSize, "byte")} long, not ${size}`);
    return EMPTY;
  }

  /** As `text`; nothing here means `fallback`. */
  textOr(fallback: Bytes, minSize: i32, maxSize: i32): Bytes {
    return this.present ? this.text(minSize, maxSize) : fallback;
  }

  /**
   * The whole number that must be here, `min` to `max`, at most 2^53 either way; 1.0 and 1e2 are
   * whole. After a fault: `min`.
   */
  integer(min: i64, max: i64): i64 {
    const reason = `must be a whole number from ${min} to ${max}`;
    const value = this.required(JsonKind.Number, reason);
    if (!value) return min;
    const number = value.number;
    const isWhole = trunc(number) == number && abs(number) <= MAX_WHOLE;
    if (isWhole && <i64>number >= min && <i64>number <= max) return <i64>number;
    this.fail(reason);
    return min;
  }

  /** As `integer`; nothing here means `fallback`. */
  integerOr(min: i64, max: i64, fallback: i64): i64 {
    return this.present ? this.integer(min, max) : fallback;
  }

  /** The number that must be here, `min` to `max`. After a fault: `min`. */
  number(min: f64, max: f64): f64 {
    const reason = `must be a number from ${shownNumber(min)} to ${shownNumber(max)}`;
    const value = this.required(JsonKind.Number, reason);
    if (!value) return min;
    if (value.number >= min && value.number <= max) return value.number;
    this.fail(reason);
    return min;
  }

  /** As `number`; nothing here means `fallback`. */
  numberOr(min: f64, max: f64, fallback: f64): f64 {
    return this.present ? this.number(min, max) : fallback;
  }

  /** Nothing here means `fallback`, and so does a fault. */
  boolOr(fallback: bool): bool {
    const value = this.optional(JsonKind.Bool, "must be true or false");
    return value ? value.bool : fallback;
  }

  /** The index in `allowed` of the string that must be here. After a fault: 0. */
  oneOf(allowed: StaticArray<string>): i32 {
    const reason = `must be one of ${allowed.join(", ")}`;
    const value = this.required(JsonKind.Text, reason);
    if (!value) return 0;
    const index = indexOfText(allowed, value.text);
    if (index < 0) this.fail(reason);
    return max(0, index);
  }

  /** As `oneOf`; nothing here means `fallbackIndex`. */
  oneOfOr(allowed: StaticArray<string>, fallbackIndex: i32): i32 {
    return this.present ? this.oneOf(allowed) : fallbackIndex;
  }
}

const MUST_BE_OBJECT = "must be an object";
const MUST_BE_ARRAY = "must be an array";

function itemAt(container: JsonValue, index: i32): JsonValue | null {
  return index >= 0 && index < container.items.length ? container.items[index] : null;
}

function indexOfText(allowed: StaticArray<string>, text: Bytes): i32 {
  for (let i = 0; i < allowed.length; i++) {
    if (Bytes.of(allowed[i]).equals(text)) return i;
  }
  return -1;
}
