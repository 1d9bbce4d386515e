// The discovery server of this command: every Envoy that it starts gets its filters' settings and
// its secrets by gRPC, one stream for each of them in one connection.

import type { Server, ServerCredentials, ServerDuplexStream } from "@grpc/grpc-js";
import type { DiscoveryAddress } from "../config/discovery.js";
import { MeshwrightError } from "../errors.js";
import type { AnyMessage, DiscoveryRequest, DiscoveryResponse } from "./messages.js";
import { type FilterSource, ResourceSource, type SecretSource } from "./source.js";

type ResourceStream = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;
type Messages = typeof import("./messages.js");

/** Where an Envoy of this machine reaches the server, and where the server listens. */
const LOOPBACK = "127.0.0.1";

/** Most commands, and tests without Envoy, never need these packages. */
const libraries = async () => ({
  grpc: await import("@grpc/grpc-js"),
  messages: await import("./messages.js"),
});

const methodOf = (messages: Messages, path: string) => ({
  path,
  requestStream: true as const,
  responseStream: true as const,
  requestSerialize: messages.encodeRequest,
  requestDeserialize: messages.decodeRequest,
  responseSerialize: messages.encodeResponse,
  responseDeserialize: messages.decodeResponse,
});

/** Resources of one kind, by the ids of the Envoys' nodes. */
class Kind<Resource extends { readonly name: string }> {
  readonly #sources = new Map<string, ResourceSource<Resource>>();
  readonly #encode: (resource: Resource) => AnyMessage;

  constructor(encode: (resource: Resource) => AnyMessage) {
    this.#encode = encode;
  }

  source(node: string): ResourceSource<Resource> {
    const source = this.#sources.get(node) ?? new ResourceSource<Resource>();
    this.#sources.set(node, source);
    return source;
  }

  /** Envoy has a stream for each resource, and names its node and the resource in every request. */
  serve(stream: ResourceStream): void {
    const answers = {
      send: (nonce: string, resource: Resource) => {
        const encoded = this.#encode(resource);
        stream.write({ versionInfo: nonce, resources: [encoded], typeUrl: encoded.type_url, nonce });
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

/** A running server. Disposing of it ends it, and every stream. */
export class DiscoveryServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #filters: Kind<Parameters<Messages["encodeResource"]>[0]>;
  readonly #secrets: Kind<Parameters<Messages["encodeSecret"]>[0]>;
  #at: DiscoveryAddress = { address: LOOPBACK, port: 0 };

  private constructor(server: Server, messages: Messages) {
    this.#server = server;
    this.#filters = new Kind(messages.encodeResource);
    this.#secrets = new Kind(messages.encodeSecret);
    const service = "/envoy.service";
    server.addService(
      {
        StreamExtensionConfigs: methodOf(
          messages,
          `${service}.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs`,
        ),
        StreamSecrets: methodOf(messages, `${service}.secret.v3.SecretDiscoveryService/StreamSecrets`),
      },
      {
        StreamExtensionConfigs: (stream: ResourceStream) => this.#filters.serve(stream),
        StreamSecrets: (stream: ResourceStream) => this.#secrets.serve(stream),
      },
    );
  }

  /**
   * Starts a server on a free port.
   * @param address the address to listen on. Envoy in a container with a network of its own reaches
   * `0.0.0.0` alone.
   * @throws MeshwrightError `port-taken` where it cannot listen
   */
  static async start(address = LOOPBACK): Promise<DiscoveryServer> {
    const { discovery, credentials } = await DiscoveryServer.#make();
    const port = await discovery.#listen(`${address}:0`, credentials);
    discovery.#at = { address: LOOPBACK, port };
    return discovery;
  }

  /**
   * Starts a server on a Unix domain socket, for Envoys that get keys: who may not enter the
   * socket's folder cannot ask for them. The socket goes with the server.
   * @param socket absolute; its folder exists
   * @throws MeshwrightError `port-taken` where it cannot listen
   */
  static async startAtSocket(socket: string): Promise<DiscoveryServer> {
    const { discovery, credentials } = await DiscoveryServer.#make();
    await discovery.#listen(`unix:${socket}`, credentials);
    discovery.#at = { path: socket };
    return discovery;
  }

  static async #make() {
    const { grpc, messages } = await libraries();
    const discovery = new DiscoveryServer(new grpc.Server(), messages);
    return { discovery, credentials: grpc.ServerCredentials.createInsecure() };
  }

  /** Where an Envoy of this machine reaches it. */
  get at(): DiscoveryAddress {
    return this.#at;
  }

  /** Its port; 0 at a socket. */
  get port(): number {
    return "port" in this.#at ? this.#at.port : 0;
  }

  /** The settings of the filters of the Envoy whose node has this id. */
  source(node: string): FilterSource {
    return this.#filters.source(node);
  }

  /** The secrets of the Envoy whose node has this id. */
  secrets(node: string): SecretSource {
    return this.#secrets.source(node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }

  #listen(where: string, credentials: ServerCredentials): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(where, credentials, (cause, port) => {
        if (cause === null) resolve(port);
        else reject(new MeshwrightError("port-taken", `cannot listen on ${where}: ${cause.message}`));
      });
    });
  }
}
