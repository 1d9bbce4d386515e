// Attributes of the request, in an HTTP filter. Those that come from its headers are available in
// `onRequestHeaders` and again in `onLog`. Call each once, at the top level, and keep what it
// returns: a module holds only the attributes that it names.

import { IntegerAttribute, MapAttribute, TextAttribute } from "./types";

/** `request.*` */
@final
export class RequestAttributes {
  /** The path with its query. The header `:path` has the same value and is cheaper to read. */
  static path(): TextAttribute {
    return new TextAttribute(["request", "path"]);
  }

  /** The path without its query. */
  static urlPath(): TextAttribute {
    return new TextAttribute(["request", "url_path"]);
  }

  /** The header `:authority` has the same value and is cheaper to read. */
  static host(): TextAttribute {
    return new TextAttribute(["request", "host"]);
  }

  /** The header `:scheme` has the same value and is cheaper to read. */
  static scheme(): TextAttribute {
    return new TextAttribute(["request", "scheme"]);
  }

  /** The header `:method` has the same value and is cheaper to read. */
  static method(): TextAttribute {
    return new TextAttribute(["request", "method"]);
  }

  /** All headers; the values of a repeated header are joined by commas. */
  static headers(): MapAttribute {
    return new MapAttribute(["request", "headers"]);
  }

  /** Size of the headers in bytes. */
  static headersBytes(): IntegerAttribute {
    return new IntegerAttribute(["request", "headers_bytes"]);
  }

  /** The header `referer` has the same value and is cheaper to read. */
  static referer(): TextAttribute {
    return new TextAttribute(["request", "referer"]);
  }

  /** The header `user-agent` has the same value and is cheaper to read. */
  static userAgent(): TextAttribute {
    return new TextAttribute(["request", "useragent"]);
  }

  /** When the first byte arrived, in nanoseconds since 1970. */
  static time(): IntegerAttribute {
    return new IntegerAttribute(["request", "time"]);
  }

  /** The header `x-request-id` has the same value and is cheaper to read. */
  static id(): TextAttribute {
    return new TextAttribute(["request", "id"]);
  }

  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`. */
  static protocol(): TextAttribute {
    return new TextAttribute(["request", "protocol"]);
  }

  /** The query without `?`; empty if there is none. */
  static query(): TextAttribute {
    return new TextAttribute(["request", "query"]);
  }

  /** How long the request took, in nanoseconds. Available in `onLog`. */
  static duration(): IntegerAttribute {
    return new IntegerAttribute(["request", "duration"]);
  }

  /** Size of the body in bytes: the value of `content-length`, or the bytes received so far. */
  static size(): IntegerAttribute {
    return new IntegerAttribute(["request", "size"]);
  }

  /** Size of headers and body in bytes, as far as they have arrived. */
  static totalSize(): IntegerAttribute {
    return new IntegerAttribute(["request", "total_size"]);
  }
}
