// Attributes by the type of their value. Each is a path that is encoded once. A read is one host
// call, as expensive as six header reads: prefer a header that has the same value. Source:
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes

import { Bytes } from "../../text/bytes";
import { HeaderPairs } from "../../text/header-pairs";
import { getProperty, propertyPath } from "../properties";

/** The path of a value, and its bytes. */
abstract class Attribute {
  private readonly path: Bytes;

  constructor(segments: StaticArray<string>) {
    this.path = propertyPath(segments);
  }

  protected bytes(): Bytes | null {
    return getProperty(this.path);
  }

  protected bool(missing: bool): bool {
    const value = this.bytes();
    return value && value.size == 1 ? value.at(0) != 0 : missing;
  }

  protected list(): HeaderPairs | null {
    const value = this.bytes();
    return value ? HeaderPairs.over(value) : null;
  }
}

/** Text, or bytes in a format of their own. */
@final
export class TextAttribute extends Attribute {
  /** The bytes, or `null` if the stream has none. Valid until the callback ends. */
  read(): Bytes | null {
    return this.bytes();
  }
}

/**
 * A whole number. Envoy's types are `int`, `uint`, `timestamp` (nanoseconds since 1970) and
 * `duration` (nanoseconds).
 */
@final
export class IntegerAttribute extends Attribute {
  /** The number, or `missing` if the stream has none. */
  read(missing: i64): i64 {
    const value = this.bytes();
    return value && value.size == 8 ? load<i64>(value.ptr) : missing;
  }
}

/** True or false. */
@final
export class FlagAttribute extends Attribute {
  /** The value, or `missing` if the stream has none. */
  read(missing: bool): bool {
    return this.bool(missing);
  }
}

/** Names and values. */
@final
export class MapAttribute extends Attribute {
  /**
   * All pairs, in no order; no pairs, or `null`, if the stream has none. Valid until the callback
   * ends, and until the next walk over pairs.
   */
  read(): HeaderPairs | null {
    return this.list();
  }
}

/**
 * A value under a key of some metadata: a text, a number, true or false, or a structure that an
 * operator or another filter put there.
 */
@final
export class MetadataAttribute extends Attribute {
  /**
   * The bytes of a text; `null` if there is no value. For a number these are the 8 bytes of a
   * double. Valid until the callback ends.
   */
  text(): Bytes | null {
    return this.bytes();
  }

  /** A number; `missing` if there is no value, or its size is not that of a number. */
  number(missing: f64): f64 {
    const value = this.bytes();
    return value && value.size == 8 ? load<f64>(value.ptr) : missing;
  }

  /** True or false; `missing` if there is no value, or its size is not that of a flag. */
  flag(missing: bool): bool {
    return this.bool(missing);
  }

  /**
   * The pairs of a structure, with values encoded as this class reads them; for a list, its items
   * as names without values.
   */
  pairs(): HeaderPairs | null {
    return this.list();
  }
}
