// A small OCI registry in this process, for what real ones rarely do: it can refuse, break off,
// forget, lie and redirect. It keeps to the distribution specification 1.1 elsewhere.

import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** A request that arrived. */
export interface Arrived {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Answers a request in place of the registry, or changes nothing by returning false. */
export type Hook = (arrived: Arrived, response: ServerResponse, socket: Socket) => boolean;

export interface RegistryOptions {
  /** Default: nobody needs a login. */
  readonly auth?:
    | { readonly kind: "basic"; readonly user: string; readonly password: string }
    /** `authorize` gives the token for a request to `/token`, or none. */
    | {
        readonly kind: "token";
        readonly realm?: string;
        readonly authorize: (arrived: Arrived) => string | undefined;
      };
  /** Whether it lists referrers itself. Default: true. */
  readonly referrersApi?: boolean;
  /** Comes before everything else. Default: none. */
  readonly hook?: Hook;
  /** Certificate and key in PEM. Default: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A running registry. Disposing of it ends it. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly arrived: readonly Arrived[];
  /** By digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** By `REPOSITORY:TAG` and by `REPOSITORY@DIGEST`. */
  readonly manifests: ReadonlyMap<string, Buffer>;
}

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const arrived: Arrived[] = [];
  const store = new Store(options);
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return;
    }
    const one: Arrived = {
      method: request.method ?? "",
      url: request.url ?? "",
      authorization: request.headers.authorization,
      headers: request.headers,
      body: Buffer.concat(parts),
    };
    arrived.push(one);
    if (options.hook?.(one, response, request.socket)) return;
    store.answer(one, response);
  };
  const server = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    arrived,
    blobs: store.blobs,
    manifests: store.manifests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Store {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  readonly #types = new Map<string, string>();
  readonly #uploads = new Map<string, Buffer>();
  readonly #options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  answer(arrived: Arrived, response: ServerResponse) {
    const url = new URL(arrived.url, "http://registry");
    if (url.pathname === "/token") return this.#token(arrived, response);
    if (!this.#isAllowed(arrived)) return this.#challenge(arrived, response);
    if (url.pathname === "/v2/") return send(response, 200, {}, "{}");
    const [, repository = "", kind = "", rest = ""] =
      /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|referrers)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === "blobs/uploads") return this.#upload(arrived, url, repository, rest, response);
    if (kind === "blobs") return this.#blob(rest, response);
    if (kind === "manifests") return this.#manifest(arrived, repository, rest, response);
    if (kind === "referrers" && this.#options.referrersApi !== false) return this.#referrers(rest, response);
    fail(response, 404, "NAME_UNKNOWN");
  }

  #isAllowed({ authorization }: Arrived): boolean {
    const { auth } = this.#options;
    if (auth === undefined) return true;
    if (auth.kind === "token") return authorization === "Bearer good";
    const pair = Buffer.from(`${auth.user}:${auth.password}`).toString("base64");
    return authorization === `Basic ${pair}`;
  }

  #challenge({ headers }: Arrived, response: ServerResponse) {
    const { auth } = this.#options;
    const realm = auth?.kind === "token" ? (auth.realm ?? `http://${headers.host}/token`) : "lab";
    const bearer = `Bearer realm="${realm}",service="the, service",scope="repository:a:pull"`;
    const header = auth?.kind === "token" ? bearer : `Basic realm="${realm}"`;
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": header });
  }

  #token(arrived: Arrived, response: ServerResponse) {
    const { auth } = this.#options;
    const token = auth?.kind === "token" ? auth.authorize(arrived) : undefined;
    if (token === undefined) return fail(response, 401, "DENIED");
    send(response, 200, { "content-type": "application/json" }, JSON.stringify({ token }));
  }

  #blob(digest: string, response: ServerResponse) {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return fail(response, 404, "BLOB_UNKNOWN");
    send(response, 200, { "docker-content-digest": digest }, bytes);
  }

  #upload(
    { method, headers, body }: Arrived,
    url: URL,
    repository: string,
    id: string,
    response: ServerResponse,
  ) {
    const place = (name: string) =>
      `/v2/${repository}/blobs/uploads/${name}?state=${randomBytes(4).toString("hex")}`;
    if (method === "POST") {
      const fresh = randomBytes(8).toString("hex");
      this.#uploads.set(fresh, Buffer.alloc(0));
      return send(response, 202, { location: place(fresh) });
    }
    const before = this.#uploads.get(id);
    if (before === undefined) return fail(response, 404, "BLOB_UPLOAD_UNKNOWN");
    const range = (bytes: Buffer) => ({ range: `0-${Math.max(bytes.length - 1, 0)}`, location: place(id) });
    if (method === "GET") return send(response, 204, range(before));
    const start = headers["content-range"]?.split("-")[0];
    if (start !== undefined && Number(start) !== before.length) return send(response, 416, range(before));
    const bytes = Buffer.concat([before, body]);
    this.#uploads.set(id, bytes);
    if (method === "PATCH") return send(response, 202, range(bytes));
    const digest = url.searchParams.get("digest") ?? "";
    if (digestOf(bytes) !== digest) return fail(response, 400, "DIGEST_INVALID");
    this.#uploads.delete(id);
    this.blobs.set(digest, bytes);
    send(response, 201, { "docker-content-digest": digest, location: `/v2/${repository}/blobs/${digest}` });
  }

  #manifest({ method, body, headers }: Arrived, repository: string, name: string, response: ServerResponse) {
    const key = name.startsWith("sha256:") ? `${repository}@${name}` : `${repository}:${name}`;
    if (method !== "PUT") {
      const bytes = this.manifests.get(key);
      if (bytes === undefined) return fail(response, 404, "MANIFEST_UNKNOWN");
      const type = this.#types.get(key) ?? "";
      return send(response, 200, { "content-type": type, "docker-content-digest": digestOf(bytes) }, bytes);
    }
    const manifest = JSON.parse(body.toString());
    const named = [manifest.config, ...(manifest.layers ?? [])].filter((each) => each !== undefined);
    if (named.some(({ digest }) => !this.blobs.has(digest)))
      return fail(response, 400, "MANIFEST_BLOB_UNKNOWN");
    for (const each of [key, `${repository}@${digestOf(body)}`]) {
      this.manifests.set(each, body);
      this.#types.set(each, headers["content-type"] ?? "");
    }
    const subject = manifest.subject?.digest;
    const lists = subject !== undefined && this.#options.referrersApi !== false;
    send(response, 201, {
      "docker-content-digest": digestOf(body),
      ...(lists ? { "oci-subject": subject } : {}),
    });
  }

  #referrers(subject: string, response: ServerResponse) {
    const manifests = [...this.manifests].flatMap(([key, bytes]) => {
      const manifest = JSON.parse(bytes.toString());
      if (!key.includes("@") || manifest.subject?.digest !== subject) return [];
      return [{ mediaType: manifest.mediaType, digest: digestOf(bytes), size: bytes.length }];
    });
    send(
      response,
      200,
      { "content-type": "application/vnd.oci.image.index.v1+json" },
      JSON.stringify({ manifests }),
    );
  }
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer = "",
): void {
  response.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(body) }),
  });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** An error as registries write it. */
export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  send(
    response,
    status,
    { ...headers, "content-type": "application/json" },
    JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }),
  );
}
