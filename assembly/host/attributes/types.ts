// Attributes by the type of their value. Each is a path that is encoded once, and a read is one
// host call, as dear as six header reads: prefer a header that says the same. Source:
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes

import { Bytes } from "../../text/bytes";
import { HeaderPairs } from "../../text/header-pairs";
import { getProperty, propertyPath } from "../properties";

/** Where a value stands, and its bytes. */
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

/** Text, or bytes of a format of their own. */
@final
export class TextAttribute extends Attribute {
  /** The bytes, or `null` where the stream has none. Valid until the callback ends. */
  read(): Bytes | null {
    return this.bytes();
  }
}

/**
 * A whole number: of Envoy's types `int`, `uint`, `timestamp` (nanoseconds since 1970) and
 * `duration` (nanoseconds).
 */
@final
export class IntegerAttribute extends Attribute {
  /** The number, or `missing` where the stream has none. */
  read(missing: i64): i64 {
    const value = this.bytes();
    return value && value.size == 8 ? load<i64>(value.ptr) : missing;
  }
}

/** True or false. */
@final
export class FlagAttribute extends Attribute {
  /** The value, or `missing` where the stream has none. */
  read(missing: bool): bool {
    return this.bool(missing);
  }
}

/** Names and values. */
@final
export class MapAttribute extends Attribute {
  /**
   * All pairs, in no order; none, or `null`, where the stream has none. Valid until the callback
   * ends, and until the next walk over pairs.
   */
  read(): HeaderPairs | null {
    return this.list();
  }
}

/**
 * A value under a key of some metadata: what an operator or another filter put there as text, a
 * number, true or false, or a structure.
 */
@final
export class MetadataAttribute extends Attribute {
  /**
   * The bytes of a text; `null` where there is nothing. Of a number these are the 8 bytes of a
   * double. Valid until the callback ends.
   */
  text(): Bytes | null {
    return this.bytes();
  }

  /** A number; `missing` where there is nothing, or what is there has not the size of a number. */
  number(missing: f64): f64 {
    const value = this.bytes();
    return value && value.size == 8 ? load<f64>(value.ptr) : missing;
  }

  /**
   * True or false; `missing` where there is nothing, or what is there has not the size of a flag.
   */
  flag(missing: bool): bool {
    return this.bool(missing);
  }

  /**
   * The pairs of a structure, with values encoded as this class reads them; or the items of a list,
   * as names without values.
   */
  pairs(): HeaderPairs | null {
    return this.list();
  }
}
