// Calls that a module makes to other services, as the test sees and answers them.

import type { HeaderList } from "../traffic.js";
import type { Alarm } from "./clock.js";
import { HeaderMap } from "./header-map.js";
import type { RootContext } from "./root-context.js";

export interface CallResponse {
  /** With `:status`. */
  readonly headers: HeaderList;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeaderList;
}

/** An HTTP call that waits for its answer. */
export class HttpCall {
  /** For the host: when the module will wait no longer. */
  timeout: Alarm | undefined;

  constructor(
    private readonly root: RootContext,
    readonly token: number,
    readonly cluster: string,
    /** As the service gets them. */
    readonly headers: HeaderList,
    readonly body: Buffer,
    readonly trailers: HeaderList,
    /** Milliseconds; 0 for no limit. When they are over, the module gets a 504 as from Envoy. */
    readonly timeoutMs: number,
    /** When it was made, in milliseconds of the host's clock. */
    readonly madeAtMs: number,
  ) {}

  /** It waits for its answer. */
  get isPending(): boolean {
    return this.root.httpCalls.has(this.token);
  }

  /** The filter that made it. */
  get filter(): string {
    return this.root.plugin;
  }

  /**
   * The service answers. Does nothing when the call is answered already, or its plugin has ended.
   */
  respond({ headers, body = "", trailers }: CallResponse): void {
    this.root.answerHttpCall(this, {
      headers: new HeaderMap(headers),
      body: Buffer.from(body as string),
      trailers: trailers === undefined ? undefined : new HeaderMap(trailers),
    });
  }

  /** The service is not reached, or resets: the module is told of a response with 0 headers. */
  fail(): void {
    this.root.answerHttpCall(this, undefined);
  }
}

/** What an HTTP call came to, while the module is told of it. */
export interface HttpCallResponse {
  readonly headers: HeaderMap;
  readonly body: Buffer;
  readonly trailers: HeaderMap | undefined;
}

/** A gRPC call (`unary`), or a stream of messages. */
export class GrpcCall {
  /** What the module has sent. */
  readonly messages: Buffer[] = [];
  /** The module will send no more. */
  halfClosed = false;
  /** The module has given it up. */
  cancelled = false;
  /** The service has ended it. */
  remoteClosed = false;
  /** For the host, as in `HttpCall`. */
  timeout: Alarm | undefined;

  constructor(
    private readonly root: RootContext,
    readonly kind: "unary" | "stream",
    readonly token: number,
    /**
     * The service as the module named it: an `envoy.config.core.v3.GrpcService`, or a cluster's
     * name.
     */
    readonly service: Buffer,
    readonly serviceName: string,
    readonly method: string,
    readonly initialMetadata: HeaderList,
    /** When it was made, in milliseconds of the host's clock. */
    readonly madeAtMs: number,
  ) {}

  /** It is open. */
  get isPending(): boolean {
    return this.root.grpcCalls.has(this.token);
  }

  /** The filter that made it. */
  get filter(): string {
    return this.root.plugin;
  }

  /** The service's initial metadata, in a stream. */
  sendInitialMetadata(metadata: HeaderList): void {
    this.root.grpcMetadata(this, "initial", metadata);
  }

  /** A message of the service; the answer of a unary call, which it ends. */
  sendMessage(message: string | Uint8Array): void {
    this.root.grpcMessage(this, Buffer.from(message as string));
  }

  /** The service's trailing metadata, in a stream. */
  sendTrailingMetadata(metadata: HeaderList): void {
    this.root.grpcMetadata(this, "trailing", metadata);
  }

  /**
   * The service ends the call, with a gRPC status. A unary call that was answered is over already.
   */
  close(status: number, message = ""): void {
    this.root.grpcClose(this, status, message);
  }
}
