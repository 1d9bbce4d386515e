// What root contexts and streams have in common. Host calls go to the effective context.

import type { HeaderList } from "../traffic.js";
import { BufferType, type CallbackName, HeaderMapType, Status, StreamType } from "./abi.js";
import { Body, NOTHING } from "./body.js";
import type { HeaderMap } from "./header-map.js";
import type { RootContext } from "./root-context.js";
import type { Vm } from "./vm.js";

/** A filter's own answer, as the filter requested it. */
export interface LocalReply {
  readonly status: number;
  /** With `_` for each space, as Envoy logs them. */
  readonly details: string;
  readonly body: string;
  readonly headers: HeaderList;
  /** 0 to 16, or absent. */
  readonly grpcStatus?: number;
}

export abstract class Context {
  readonly id: number;
  abstract readonly root: RootContext;

  constructor(readonly vm: Vm) {
    this.id = vm.register(this);
  }

  /** A map to read, or undefined when it does not exist now. */
  headers(type: number): HeaderMap | undefined {
    const { root } = this;
    if (type === HeaderMapType.HttpCallResponseHeaders) return root.httpCallResponse?.headers;
    if (type === HeaderMapType.HttpCallResponseTrailers) return root.httpCallResponse?.trailers;
    if (type === HeaderMapType.GrpcReceiveInitialMetadata) return root.grpcInitialMetadata;
    return type === HeaderMapType.GrpcReceiveTrailingMetadata ? root.grpcTrailingMetadata : undefined;
  }

  /** A map to change. */
  editableHeaders(_type: number): HeaderMap | undefined {
    return undefined;
  }

  /**
   * Whether the stream is being logged. Then a missing map is `NotFound` instead of `BadArgument`.
   */
  get isLogging(): boolean {
    return false;
  }

  /**
   * A buffer, or undefined when it does not exist now. A missing buffer of a stream is an empty
   * one.
   */
  body(type: number): Body | undefined {
    const { root } = this;
    if (type === BufferType.VmConfiguration) return new Body(this.vm.options.vmConfiguration, true);
    if (type === BufferType.PluginConfiguration) return root.configuration;
    if (type === BufferType.CallData) return root.callData;
    if (type === BufferType.GrpcReceiveBuffer) return root.grpcMessageBody ?? NOTHING;
    if (type !== BufferType.HttpCallResponseBody) return NOTHING;
    const response = root.httpCallResponse;
    return response === undefined ? undefined : new Body(response.body, true);
  }

  /** The bytes of a property. Dots separate the parts of `path`. */
  property(path: string): Uint8Array | undefined {
    if (path === "plugin_name") return Buffer.from(this.root.plugin);
    if (path === "plugin_root_id") return Buffer.from(this.root.rootId);
    return path === "plugin_vm_id" ? Buffer.from(this.vm.options.vmId) : undefined;
  }

  setProperty(_path: string, _value: Buffer): number {
    return Status.NotFound;
  }

  continueStream(type: number): number {
    return type === StreamType.Upstream ? Status.Unimplemented : Status.Ok;
  }

  closeStream(_type: number): number {
    return Status.Ok;
  }

  sendLocalReply(_reply: LocalReply): void {}

  /** Called when the VM has ended in a callback for this context. */
  onTrap(_callback: CallbackName | undefined): void {}
}
