// Attributes of the response, in an HTTP filter. Before it has arrived there are only sizes of 0;
// in `onLog` all are final. Call each once, at the top level, and keep what it returns: a module
// holds only the attributes that it names.

import { IntegerAttribute, MapAttribute, TextAttribute } from "./types";

/** `response.*` */
@final
export class ResponseAttributes {
  /** HTTP status. Available from `onResponseHeaders` on. */
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
   * gRPC status, from trailers or headers. Without either it is derived from the HTTP status, such
   * as 2 for 200.
   */
  static grpcStatus(): IntegerAttribute {
    return new IntegerAttribute(["response", "grpc_status"]);
  }

  /** All headers; the values of a repeated header are joined by commas. */
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

  /** Size of the body in bytes, as far as it has arrived. */
  static size(): IntegerAttribute {
    return new IntegerAttribute(["response", "size"]);
  }

  /** Size of headers, body and trailers in bytes. */
  static totalSize(): IntegerAttribute {
    return new IntegerAttribute(["response", "total_size"]);
  }

  /**
   * From the first byte sent to the upstream to the last one received from it, in nanoseconds.
   * Available in `onLog`.
   */
  static backendLatency(): IntegerAttribute {
    return new IntegerAttribute(["response", "backend_latency"]);
  }
}
