// Calls that a module makes to other services, as the test sees and answers them.

import type { HeaderList } from "../traffic.js";
import type { Alarm } from "./clock.js";
import { HeaderMap } from "./header-map.js";
import type { RootContext } from "./root-context.js";

export interface CallResponse {
  /**
   * Includes `:status`. To the SDK a response of 500 or above without
   * `x-envoy-upstream-service-time` is Envoy's own: Envoy adds that header to a service's response.
   */
  readonly headers: HeaderList;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeaderList;
}

/** An HTTP call that waits for its answer. */
export class HttpCall {
  /** Used by the host: rings when the module stops waiting. */
  timeout: Alarm | undefined;

  constructor(
    private readonly root: RootContext,
    readonly token: number,
    readonly cluster: string,
    /** The headers that the service gets. */
    readonly headers: HeaderList,
    readonly body: Buffer,
    readonly trailers: HeaderList,
    /**
     * The timeout in milliseconds, 0 for none. When it is over, the module gets a 504 as from
     * Envoy.
     */
    readonly timeoutMs: number,
    /** When it was made, in milliseconds of the host's clock. */
    readonly madeAtMs: number,
  ) {}

  /** Whether it waits for its answer. */
  get isPending(): boolean {
    return this.root.httpCalls.has(this.token);
  }

  /** The filter that made it. */
  get filter(): string {
    return this.root.plugin;
  }

  /**
   * Answers for the service. Does nothing when the call was answered before, or its plugin has
   * ended.
   */
  respond({ headers, body = "", trailers }: CallResponse): void {
    this.root.answerHttpCall(this, {
      headers: new HeaderMap(headers),
      body: Buffer.from(body as string),
      trailers: trailers === undefined ? undefined : new HeaderMap(trailers),
    });
  }

  /** The service cannot be reached, or resets. The module gets a response with 0 headers. */
  fail(): void {
    this.root.answerHttpCall(this, undefined);
  }
}

/** The result of an HTTP call, while the module's callback for it runs. */
export interface HttpCallResponse {
  readonly headers: HeaderMap;
  readonly body: Buffer;
  readonly trailers: HeaderMap | undefined;
}

/** A gRPC call (`unary`), or a stream of messages. */
export class GrpcCall {
  /** What the module has sent. */
  readonly messages: Buffer[] = [];
  /** Whether the module will send no more. */
  halfClosed = false;
  /** Whether the module has given it up. */
  cancelled = false;
  /** Whether the service has ended it. */
  remoteClosed = false;
  /** Used by the host, as in `HttpCall`. */
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
    /** The timeout of a unary call in milliseconds, 0 for none. */
    readonly timeoutMs = 0,
  ) {}

  /** Whether it is open. */
  get isPending(): boolean {
    return this.root.grpcCalls.has(this.token);
  }

  /** The filter that made it. */
  get filter(): string {
    return this.root.plugin;
  }

  /** Sends the service's initial metadata, in a stream. */
  sendInitialMetadata(metadata: HeaderList): void {
    this.root.grpcMetadata(this, "initial", metadata);
  }

  /** Sends a message of the service. For a unary call it is the answer and ends the call. */
  sendMessage(message: string | Uint8Array): void {
    this.root.grpcMessage(this, Buffer.from(message as string));
  }

  /** Sends the service's trailing metadata, in a stream. */
  sendTrailingMetadata(metadata: HeaderList): void {
    this.root.grpcMetadata(this, "trailing", metadata);
  }

  /**
   * Ends the call for the service, with a gRPC status. Does nothing for a unary call that was
   * answered.
   */
  close(status: number, message = ""): void {
    this.root.grpcClose(this, status, message);
  }
}
