// The discovery server of this command: every Envoy that it starts gets its filters' settings by
// gRPC, one stream for each filter in one connection.

import type { Server, ServerCredentials, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { MeshwrightError } from "../errors.js";
import type { DiscoveryRequest, DiscoveryResponse } from "./messages.js";
import { FilterSource, type Stream } from "./source.js";

type FilterStream = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;
type Messages = typeof import("./messages.js");

/** Most commands, and tests without Envoy, never need these packages. */
const libraries = async () => ({
  grpc: await import("@grpc/grpc-js"),
  messages: await import("./messages.js"),
});

const serviceOf = (messages: Messages) =>
  ({
    StreamExtensionConfigs: {
      path: "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
      requestStream: true,
      responseStream: true,
      requestSerialize: messages.encodeRequest,
      requestDeserialize: messages.decodeRequest,
      responseSerialize: messages.encodeResponse,
      responseDeserialize: messages.decodeResponse,
    },
  }) satisfies ServiceDefinition;

/** A running server. Disposing of it ends it, and every stream. */
export class DiscoveryServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #messages: Messages;
  /** By the ids of the Envoys' nodes. */
  readonly #sources = new Map<string, FilterSource>();
  #port = 0;

  private constructor(server: Server, messages: Messages) {
    this.#server = server;
    this.#messages = messages;
    server.addService(serviceOf(messages), {
      StreamExtensionConfigs: (stream: FilterStream) => this.#serve(stream),
    });
  }

  /**
   * Starts a server on a free port.
   * @param address the address to listen on. Envoy in a container with a network of its own reaches
   * `0.0.0.0` alone.
   * @throws MeshwrightError `port-taken` where it cannot listen
   */
  static async start(address = "127.0.0.1"): Promise<DiscoveryServer> {
    const { grpc, messages } = await libraries();
    const discovery = new DiscoveryServer(new grpc.Server(), messages);
    await discovery.#listen(address, grpc.ServerCredentials.createInsecure());
    return discovery;
  }

  /** Where an Envoy of this machine reaches it. */
  readonly address = "127.0.0.1";

  get port(): number {
    return this.#port;
  }

  /** The settings of the Envoy whose node has this id. */
  source(node: string): FilterSource {
    const source = this.#sources.get(node) ?? new FilterSource();
    this.#sources.set(node, source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }

  #listen(address: string, credentials: ServerCredentials): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`${address}:0`, credentials, (cause, port) => {
        this.#port = port;
        if (cause === null) resolve();
        else reject(new MeshwrightError("port-taken", `cannot listen on ${address}: ${cause.message}`));
      });
    });
  }

  /** Envoy has a stream for each filter, and names its node and the filter in every request. */
  #serve(stream: FilterStream): void {
    const { EXTENSION_TYPE: typeUrl, encodeResource } = this.#messages;
    const answers: Stream = {
      send: (nonce, resource) => {
        stream.write({ versionInfo: nonce, resources: [encodeResource(resource)], typeUrl, nonce });
      },
    };
    let over = () => {};
    stream.on("data", (request: DiscoveryRequest) => {
      const source = this.source(request.node?.id ?? "");
      const [name = ""] = request.resourceNames;
      over = () => source.disconnected(name, answers);
      source.requested(name, answers, request);
    });
    stream.on("error", () => over());
    stream.on("cancelled", () => over());
    stream.on("end", () => {
      over();
      stream.end();
    });
  }
}
