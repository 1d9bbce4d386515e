// One TCP connection through one network filter before Envoy's TCP proxy. The test is the client
// and the upstream, and looks at what reached either.

import { MeshwrightError } from "../../envoy/errors.js";
import { BufferType, type CallbackName, Status, StreamType } from "./abi.js";
import { connectionAttribute } from "./attributes.js";
import { Body, NOTHING } from "./body.js";
import { Context } from "./context.js";
import { encodeProperty, type PropertyValue } from "./property.js";
import type { RootContext } from "./root-context.js";

export interface ConnectOptions {
  /** Property values by path, such as `source.address`. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
}

/** What came out of a filter on one side of a connection. */
export interface TcpReceived {
  /** The bytes as they came, piece by piece. */
  readonly chunks: readonly Buffer[];
  /** All bytes so far, one character for each byte (latin1). */
  readonly text: string;
  /** Whether nothing follows. */
  readonly isWhole: boolean;
}

/** Who ended a connection, as the callbacks say it. Source: proxy-wasm, `proxy_peer_type_t`. */
const Peer = { Unknown: 0, Local: 1, Remote: 2 } as const;

class Side implements TcpReceived {
  readonly chunks: Buffer[] = [];
  isWhole = false;

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  take(body: Body, end: boolean): void {
    if (body.size > 0) this.chunks.push(body.drain());
    if (end) this.isWhole = true;
  }
}

export class TcpStream extends Context {
  /** What the filter let through to the upstream. */
  readonly upstream: TcpReceived = new Side();
  /** What the filter let through to the client. */
  readonly client: TcpReceived = new Side();
  /** Whether the TCP proxy was reached, so that there is an upstream. */
  isConnected = false;
  isClosed = false;

  /** Bytes from the client that nobody has taken yet. */
  private readonly fromClient = new Body();
  private readonly fromUpstream = new Body();
  /** The part of them that the filter sees. Envoy shows a buffer until a callback lets it go on. */
  private downstreamData: Body | undefined;
  private upstreamData: Body | undefined;
  private clientEnded = false;
  private upstreamEnded = false;
  private state: Map<string, Buffer> | undefined;
  private readonly properties: Readonly<Record<string, PropertyValue>>;

  /** The client connects. */
  constructor(
    readonly root: RootContext,
    { properties = {} }: ConnectOptions = {},
  ) {
    super(root.vm);
    this.properties = properties;
    root.addStream();
    this.call("proxy_on_context_create", root.id);
    if (this.call("proxy_on_new_connection") === 0) this.proceed();
    this.vm.host.settle();
  }

  /**
   * The client sends a piece, or ends its side.
   * @throws MeshwrightError `usage` when it cannot: it ended before, or the connection is closed
   */
  clientSends(chunk: string | Uint8Array, endOfStream = false): void {
    this.refuseWhen(this.clientEnded, "the client has ended this connection: open another with connect");
    this.clientEnded = endOfStream;
    if (chunk.length > 0) this.fromClient.take(new Body(bytesOf(chunk)));
    if (chunk.length > 0 || endOfStream) this.read();
    this.vm.host.settle();
  }

  /**
   * The upstream sends a piece, or ends its side.
   * @throws MeshwrightError `usage` when it cannot: there is no upstream yet, it ended before, or
   * the connection is closed
   */
  upstreamSends(chunk: string | Uint8Array, endOfStream = false): void {
    this.refuseWhen(
      !this.isConnected,
      "the filter holds the connection, so that there is no upstream: let it go on first",
    );
    this.refuseWhen(this.upstreamEnded, "the upstream has ended this connection: open another with connect");
    this.upstreamEnded = endOfStream;
    if (chunk.length > 0) this.fromUpstream.take(new Body(bytesOf(chunk)));
    if (chunk.length > 0 || endOfStream) this.write(endOfStream);
    this.vm.host.settle();
  }

  /** The client breaks the connection off. A second call does nothing. */
  clientResets(): void {
    this.close(Peer.Remote);
    this.vm.host.settle();
  }

  /**
   * The upstream breaks the connection off, and Envoy ends the client's. A second call does
   * nothing.
   */
  upstreamResets(): void {
    this.close(Peer.Local);
    this.vm.host.settle();
  }

  private refuseWhen(isWrong: boolean, reason: string): void {
    if (this.isClosed)
      throw new MeshwrightError("usage", "the connection is closed: open another with connect");
    if (isWrong) throw new MeshwrightError("usage", reason);
  }

  private read(): void {
    this.downstreamData = this.fromClient;
    const status = this.call("proxy_on_downstream_data", this.fromClient.size, this.clientEnded ? 1 : 0);
    if (status === 0 && !this.isClosed) {
      this.downstreamData = undefined;
      this.proceed();
    }
    // Both directions of the client's connection have ended, whatever the filter holds.
    if (this.clientEnded && this.client.isWhole) this.close(Peer.Remote);
  }

  /** Passes the bytes so far on from the filter to the TCP proxy. */
  private proceed(): void {
    this.isConnected = true;
    (this.upstream as Side).take(this.fromClient, this.clientEnded);
    // Both directions of the upstream's connection have ended, so Envoy ends the client's.
    if (this.upstreamEnded && this.upstream.isWhole && !this.client.isWhole) this.close(Peer.Local);
  }

  /**
   * What the filter holds stays in Envoy's upstream connection, and is shown again before what
   * follows.
   */
  private write(endOfStream: boolean): void {
    this.upstreamData = this.fromUpstream;
    const status = this.call("proxy_on_upstream_data", this.fromUpstream.size, endOfStream ? 1 : 0);
    if (status === 0) this.upstreamData = undefined;
    if (endOfStream) this.call("proxy_on_upstream_connection_close", Peer.Unknown);
    if (this.isClosed) return;
    if (status === 0) (this.client as Side).take(this.fromUpstream, endOfStream);
    if (this.clientEnded && (this.client.isWhole || (endOfStream && this.upstream.isWhole)))
      this.close(Peer.Local);
  }

  private close(peer: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.call("proxy_on_downstream_connection_close", peer);
    this.call("proxy_on_done");
    this.call("proxy_on_log");
    this.call("proxy_on_delete");
    this.vm.unregister(this);
    this.root.removeStream();
  }

  private call(name: CallbackName, a = 0, b = 0): number {
    return this.vm.enter(this, this.vm.on[name], a, b);
  }

  override body(type: number): Body | undefined {
    if (type === BufferType.NetworkDownstreamData) return this.downstreamData ?? NOTHING;
    if (type === BufferType.NetworkUpstreamData) return this.upstreamData ?? NOTHING;
    return super.body(type);
  }

  override property(path: string): Uint8Array | undefined {
    const value = this.properties[path] ?? connectionAttribute(path);
    if (value !== undefined) return encodeProperty(value);
    return super.property(path) ?? this.state?.get(path);
  }

  override setProperty(path: string, value: Buffer): number {
    this.state ??= new Map();
    this.state.set(path, value);
    return Status.Ok;
  }

  override continueStream(type: number): number {
    if (type === StreamType.Downstream) this.vm.afterCall(() => this.isClosed || this.proceed());
    return super.continueStream(type);
  }

  /** Envoy closes the client's connection, whichever side is named. */
  override closeStream(type: number): number {
    if (type === StreamType.Downstream || type === StreamType.Upstream) {
      this.vm.afterCall(() => this.close(Peer.Local));
    }
    return super.closeStream(type);
  }
}

function bytesOf(chunk: string | Uint8Array): Buffer {
  return Buffer.from(chunk as string);
}
