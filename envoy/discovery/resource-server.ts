// Serves clusters and routes to Envoys that this command has started. It speaks Envoy's REST
// discovery, whose resources are JSON: over gRPC they would be bytes, and this program would have
// to know every message of Envoy's. A question waits until there is an answer, so nobody polls.

import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { typeUrl } from "../config/typed-config.js";
import { RestSource } from "./resources.js";

/** Envoy names all of its extensions in every question, which takes a hundred KiB. */
const MAX_REQUEST = 4 * 1024 * 1024;

/** What Envoy sends, as far as it is read here. */
interface Question {
  readonly version_info?: string;
  readonly node?: { readonly id?: string };
  readonly resource_names?: readonly string[];
  readonly type_url?: string;
}

/** A running server. Disposing of it ends it, and every question that waits. */
export class ResourceServer implements AsyncDisposable {
  readonly #server: Http2Server;
  /** By the ids of the Envoys' nodes. */
  readonly #sources = new Map<string, RestSource>();
  readonly #sessions = new Set<{ destroy(): void }>();
  /** Where an Envoy of this machine reaches it. */
  readonly address = "127.0.0.1";

  private constructor() {
    this.#server = createServer();
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => {});
    });
    this.#server.on("stream", (stream) => void this.#serve(stream));
  }

  static async start(): Promise<ResourceServer> {
    const started = new ResourceServer();
    started.#server.listen(0, started.address);
    await once(started.#server, "listening");
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What the Envoy gets whose node has this id. */
  source(node: string): RestSource {
    const source = this.#sources.get(node) ?? new RestSource();
    this.#sources.set(node, source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  async #serve(stream: ServerHttp2Stream): Promise<void> {
    stream.on("error", () => {});
    const over = new AbortController();
    stream.on("close", () => over.abort());
    const question = await read(stream);
    if (question === undefined) {
      if (!stream.destroyed) stream.respond({ ":status": 400 }, { endStream: true });
      return;
    }
    const { node, version_info = "", resource_names = [], type_url = "" } = question;
    const type = type_url.slice(typeUrl("").length);
    const source = this.source(node?.id ?? "");
    const answer = await source.asked({ type, names: resource_names, version: version_info }, over.signal);
    if (stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "application/json" });
    const resources = answer.resources.map((each) => ({ "@type": type_url, ...each }));
    stream.end(JSON.stringify({ version_info: answer.version, type_url, resources }));
  }
}

/** Undefined where the stream ends before its question, or asks something else. */
async function read(stream: ServerHttp2Stream): Promise<Question | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_REQUEST) return undefined;
    }
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
