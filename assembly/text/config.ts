// A filter's configuration as its `config.ts` reads it: places in a JSON document that know their
// path, and the first fault. After a fault reading goes on with harmless values, so that a filter
// checks only once, at the end, whether there was one.

import { Bytes } from "./bytes";
import { counted, indexPath, keyPath, shownNumber } from "./config-path";
import { parseJson } from "./json";
import { JsonKind, JsonValue } from "./json-value";

/** Every whole number up to this magnitude fits a double; zod reads numbers with the same limit. */
const MAX_WHOLE: f64 = 9007199254740992;

const EMPTY = Bytes.owned(0);

class FirstFault {
  text: string = "";
}

/** A document and its first fault. Owns its memory. */
@final
export class Config {
  constructor(
    /** The whole document. Absent if it is not JSON. */
    readonly root: ConfigNode,
    private readonly fault: FirstFault,
  ) {}

  /**
   * Parses a document, which may be any bytes; one of size 0 counts as `{}`. `error` says what is
   * wrong with it.
   */
  static parse(document: Bytes): Config {
    const fault = new FirstFault();
    const parsed = parseJson(document.size == 0 ? Bytes.of("{}") : document);
    fault.text = parsed.fault;
    return new Config(new ConfigNode(fault, parsed.value, null, EMPTY, -1), fault);
  }

  get failed(): bool {
    return this.fault.text.length > 0;
  }

  /** The first fault, as `path: reason`; empty if there is none. */
  get error(): string {
    return this.fault.text;
  }
}

/**
 * A place in the document, with or without a value. A method that finds a fault records it and
 * returns its fallback, or the value that its comment names. `null` is a value of the wrong kind,
 * not an absent one.
 */
@final
export class ConfigNode {
  /** For `Config` and this class. `index` is that of an array's item, else -1. */
  constructor(
    private readonly fault: FirstFault,
    private readonly value: JsonValue | null,
    private readonly parent: ConfigNode | null,
    private readonly key: Bytes,
    private readonly index: i32,
  ) {}

  /** Records that this place is wrong, unless an earlier fault is recorded. */
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

  get isNull(): bool {
    return this.isA(JsonKind.Null);
  }

  get isBool(): bool {
    return this.isA(JsonKind.Bool);
  }

  private isA(kind: JsonKind): bool {
    const value = this.value;
    return value != null && value.kind == kind;
  }

  /**
   * The value if there is one of that kind. An absent value is not a fault; a value of another kind
   * is.
   */
  private optional(kind: JsonKind, reason: string): JsonValue | null {
    const value = this.value;
    if (!value || value.kind == kind) return value;
    this.fail(reason);
    return null;
  }

  /** The value if there is one of that kind; anything else, or nothing, is a fault. */
  private required(kind: JsonKind, reason: string): JsonValue | null {
    if (!this.present) this.fail("is required");
    return this.optional(kind, reason);
  }

  /** The value that an object holds under `key`. A value that is not an object is a fault. */
  get(key: string): ConfigNode {
    const name = Bytes.of(key);
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    return new ConfigNode(this.fault, object ? object.find(name) : null, this, name, -1);
  }

  /** Checks that a value here is an object that has only the `allowed` keys. */
  keys(allowed: StaticArray<string>): void {
    for (let i = 0; i < this.objectLength; i++) {
      const key = this.keyAt(i);
      if (indexOfText(allowed, key) < 0)
        this.valueAt(i).fail(`unknown key; expected one of ${allowed.join(", ")}`);
    }
  }

  /**
   * Number of keys of an object, 0 if the value is absent. A value that is not an object is a
   * fault.
   */
  get objectLength(): i32 {
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    return object ? object.items.length : 0;
  }

  /**
   * The key with that `index` in an object, in the order of the document; empty outside [0,
   * objectLength).
   */
  keyAt(index: i32): Bytes {
    return this.valueAt(index).key;
  }

  /** The value of the key with that index; absent outside [0, objectLength). */
  valueAt(index: i32): ConfigNode {
    const object = this.optional(JsonKind.Object, MUST_BE_OBJECT);
    const value = object ? itemAt(object, index) : null;
    return new ConfigNode(this.fault, value, this, value ? value.key : EMPTY, -1);
  }

  /**
   * Checks for an array of `min` to `max` items. Returns how many there are; 0 after a fault, so
   * that no item is read.
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

  /** The item of an array with that `index`; absent outside of the array. */
  at(index: i32): ConfigNode {
    const array = this.optional(JsonKind.Array, MUST_BE_ARRAY);
    return new ConfigNode(this.fault, array ? itemAt(array, index) : null, this, EMPTY, max(0, index));
  }

  /**
   * The required string here, of `minSize` to `maxSize` bytes. It owns its memory. After a fault:
   * empty.
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

  /** As `text`; an absent value means `fallback`. */
  textOr(fallback: Bytes, minSize: i32, maxSize: i32): Bytes {
    return this.present ? this.text(minSize, maxSize) : fallback;
  }

  /**
   * The required whole number here, `min` to `max`, at most 2^53 either way; 1.0 and 1e2 are whole.
   * After a fault: `min`.
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

  /** As `integer`; an absent value means `fallback`. */
  integerOr(min: i64, max: i64, fallback: i64): i64 {
    return this.present ? this.integer(min, max) : fallback;
  }

  /** The required number here, `min` to `max`. After a fault: `min`. */
  number(min: f64, max: f64): f64 {
    const reason = `must be a number from ${shownNumber(min)} to ${shownNumber(max)}`;
    const value = this.required(JsonKind.Number, reason);
    if (!value) return min;
    if (value.number >= min && value.number <= max) return value.number;
    this.fail(reason);
    return min;
  }

  /** As `number`; an absent value means `fallback`. */
  numberOr(min: f64, max: f64, fallback: f64): f64 {
    return this.present ? this.number(min, max) : fallback;
  }

  /** An absent value means `fallback`, and so does a fault. */
  boolOr(fallback: bool): bool {
    const value = this.optional(JsonKind.Bool, "must be true or false");
    return value ? value.bool : fallback;
  }

  /** The index in `allowed` of the required string here. After a fault: 0. */
  oneOf(allowed: StaticArray<string>): i32 {
    const reason = `must be one of ${allowed.join(", ")}`;
    const value = this.required(JsonKind.Text, reason);
    if (!value) return 0;
    const index = indexOfText(allowed, value.text);
    if (index < 0) this.fail(reason);
    return max(0, index);
  }

  /** As `oneOf`; an absent value means `fallbackIndex`. */
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
