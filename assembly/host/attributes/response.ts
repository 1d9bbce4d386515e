// Attributes of the response, in an HTTP filter: nothing but sizes of 0 before it has come, and
// final in `onLog`. Call each once, at the top level, and keep what it returns: a module holds only
// the attributes that it names.

import { IntegerAttribute, MapAttribute, TextAttribute } from "./types";

/** `response.*` */
@final
export class ResponseAttributes {
  /** HTTP status. There from `onResponseHeaders` on. */
  static code(): IntegerAttribute {
    return new IntegerAttribute(["response", "code"]);
  }

  /** Why the response is what it is, such as `via_upstream`. */
  static codeDetails(): TextAttribute {
    return new TextAttribute(["response", "code_details"]);
  }

  /** A bit for each of the access log's response flags. */
  static flags(): IntegerAttribute {
    return new IntegerAttribute(["response", "flags"]);
  }

  /**
   * gRPC status, from trailers or headers; without either, what the HTTP status comes to, as 2 for
   * 200.
   */
  static grpcStatus(): IntegerAttribute {
    return new IntegerAttribute(["response", "grpc_status"]);
  }

  /** All headers; of a repeated one the values with commas between. */
  static headers(): MapAttribute {
    return new MapAttribute(["response", "headers"]);
  }

  /** Size of the headers in bytes. */
  static headersBytes(): IntegerAttribute {
    return new IntegerAttribute(["response", "headers_bytes"]);
  }

  /** All trailers. */
  static trailers(): MapAttribute {
    return new MapAttribute(["response", "trailers"]);
  }

  /** Size of the body in bytes, as far as it has come. */
  static size(): IntegerAttribute {
    return new IntegerAttribute(["response", "size"]);
  }

  /** Size of headers, body and trailers in bytes. */
  static totalSize(): IntegerAttribute {
    return new IntegerAttribute(["response", "total_size"]);
  }

  /**
   * From the first byte that went to the upstream to the last that came from it, in nanoseconds.
   * There in `onLog`.
   */
  static backendLatency(): IntegerAttribute {
    return new IntegerAttribute(["response", "backend_latency"]);
  }
}
