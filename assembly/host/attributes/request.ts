// Attributes of the request, in an HTTP filter. Those that come from its headers are there in
// `onRequestHeaders` and, again, in `onLog`. Call each once, at the top level, and keep what it
// returns: a module holds only the attributes that it names.

import { IntegerAttribute, MapAttribute, TextAttribute } from "./types";

/** `request.*` */
@final
export class RequestAttributes {
  /** The path with its query. The header `:path` says the same for less. */
  static path(): TextAttribute {
    return new TextAttribute(["request", "path"]);
  }

  /** The path without its query. */
  static urlPath(): TextAttribute {
    return new TextAttribute(["request", "url_path"]);
  }

  /** The header `:authority` says the same for less. */
  static host(): TextAttribute {
    return new TextAttribute(["request", "host"]);
  }

  /** The header `:scheme` says the same for less. */
  static scheme(): TextAttribute {
    return new TextAttribute(["request", "scheme"]);
  }

  /** The header `:method` says the same for less. */
  static method(): TextAttribute {
    return new TextAttribute(["request", "method"]);
  }

  /** All headers; of a repeated one the values with commas between. */
  static headers(): MapAttribute {
    return new MapAttribute(["request", "headers"]);
  }

  /** Size of the headers in bytes. */
  static headersBytes(): IntegerAttribute {
    return new IntegerAttribute(["request", "headers_bytes"]);
  }

  /** The header `referer` says the same for less. */
  static referer(): TextAttribute {
    return new TextAttribute(["request", "referer"]);
  }

  /** The header `user-agent` says the same for less. */
  static userAgent(): TextAttribute {
    return new TextAttribute(["request", "useragent"]);
  }

  /** When the first byte came: nanoseconds since 1970. */
  static time(): IntegerAttribute {
    return new IntegerAttribute(["request", "time"]);
  }

  /** The header `x-request-id` says the same for less. */
  static id(): TextAttribute {
    return new TextAttribute(["request", "id"]);
  }

  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`. */
  static protocol(): TextAttribute {
    return new TextAttribute(["request", "protocol"]);
  }

  /** The query without `?`; empty where there is none. */
  static query(): TextAttribute {
    return new TextAttribute(["request", "query"]);
  }

  /** How long the request took, in nanoseconds. There in `onLog`. */
  static duration(): IntegerAttribute {
    return new IntegerAttribute(["request", "duration"]);
  }

  /** Size of the body in bytes: what `content-length` says, or what has come so far. */
  static size(): IntegerAttribute {
    return new IntegerAttribute(["request", "size"]);
  }

  /** Size of headers and body in bytes, as far as they are there. */
  static totalSize(): IntegerAttribute {
    return new IntegerAttribute(["request", "total_size"]);
  }
}
