// One HTTP exchange with a registry: limits of time and size, redirects, and words for what can
// fail below HTTP.

import type { Readable } from "node:stream";
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { MeshwrightError } from "../../envoy/errors.js";
import { registryFailure, Transient } from "./errors.js";
import { isLoopback } from "./loopback.js";

/** How long things may take, in milliseconds, and how often they are tried. */
export interface Limits {
  readonly connectMs: number;
  /** Without any byte of an answer, or between two of them. */
  readonly answerMs: number;
  /** Before the second attempt. It doubles before each further one. */
  readonly waitMs: number;
  readonly attempts: number;
}

export const LIMITS: Limits = { connectMs: 10_000, answerMs: 30_000, waitMs: 500, attempts: 5 };

export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The value of `Authorization`. It goes to the origin of the first address alone. */
  readonly authorization?: string;
}

export interface Answer {
  /** The address that answered, after redirects. */
  readonly url: URL;
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Uint8Array;
}

export interface TransportOptions {
  /** Certificates in PEM by which registries are checked. Default: Node's. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
  readonly limits: Limits;
  /** Called with the hosts of a redirect that leaves the first. */
  readonly onRedirect?: (from: string, to: string) => void;
}

/** Manifests have at most 4 MiB by the specification; nothing else is read. */
const MAX_ANSWER = 4 * 1024 * 1024;
const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #direct: Dispatcher;
  readonly #proxied: Dispatcher;
  /** The hosts that have answered: one that refuses connections later may be starting anew. */
  readonly #answered = new Set<string>();

  constructor(options: TransportOptions) {
    this.#options = options;
    const { ca, limits } = options;
    const tls = ca === undefined ? {} : { ca };
    const settings = {
      connect: { ...tls, timeout: limits.connectMs },
      headersTimeout: limits.answerMs,
      bodyTimeout: limits.answerMs,
    };
    this.#direct = new Agent(settings);
    this.#proxied = new EnvHttpProxyAgent({ ...settings, requestTls: settings.connect });
  }

  /**
   * Sends a request, and follows redirects.
   * @throws Transient what may succeed next time; MeshwrightError `registry-failed` what will not
   */
  async send(first: URL, outgoing: Outgoing): Promise<Answer> {
    let url = first;
    for (let hops = 0; ; hops++) {
      const answer = await this.#exchange(url, outgoing, url.origin === first.origin);
      const location = REDIRECTS.includes(answer.status) ? answer.header("location") : undefined;
      if (location === undefined) return answer;
      if (hops === MAX_REDIRECTS)
        throw registryFailure(first.host, `it redirects more than ${MAX_REDIRECTS} times`);
      const next = resolveLocation(url, location);
      const keepsMethod = answer.status > 303 || outgoing.method === "GET" || outgoing.method === "HEAD";
      if (!keepsMethod) {
        throw registryFailure(
          url.host,
          `it answers ${outgoing.method} with a redirect to ${next.host}; name that registry instead`,
        );
      }
      if (next.origin !== first.origin) this.#options.onRedirect?.(first.host, next.host);
      url = next;
    }
  }

  async #exchange(url: URL, outgoing: Outgoing, isFirstOrigin: boolean): Promise<Answer> {
    const { method, headers = {}, body, authorization } = outgoing;
    const { signal } = this.#options;
    try {
      const {
        statusCode,
        headers: given,
        body: stream,
      } = await request(url, {
        method,
        headers: {
          "user-agent": "meshwright",
          ...headers,
          ...(isFirstOrigin && authorization !== undefined ? { authorization } : {}),
        },
        dispatcher: isLoopback(url.hostname) ? this.#direct : this.#proxied,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      const bytes = await readBounded(url, stream);
      this.#answered.add(url.host);
      const header = (name: string) => {
        const value = given[name];
        return Array.isArray(value) ? value.join(", ") : value;
      };
      return { url, status: statusCode, header, body: bytes };
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#describe(url, error);
    }
  }

  #describe(url: URL, error: unknown): unknown {
    if (error instanceof MeshwrightError) return error;
    const { code = "", name, message = String(error) } = error as NodeJS.ErrnoException;
    const { connectMs, answerMs } = this.#options.limits;
    const failure = (what: string) => registryFailure(url.host, what, error);
    switch (code) {
      case "ENOTFOUND":
        return failure("there is no host of that name");
      case "ECONNREFUSED": {
        const refused = failure("nothing answers there: the connection is refused");
        return this.#answered.has(url.host) ? new Transient(refused) : refused;
      }
      case "UND_ERR_CONNECT_TIMEOUT":
        return new Transient(failure(`no connection within ${connectMs / 1000} s`));
      case "UND_ERR_HEADERS_TIMEOUT":
      case "UND_ERR_BODY_TIMEOUT":
        return new Transient(failure(`no answer within ${answerMs / 1000} s`));
      case "ECONNRESET":
      case "EPIPE":
      case "UND_ERR_SOCKET":
        return new Transient(failure("it broke off the connection"));
      case "EAI_AGAIN":
      case "ENETUNREACH":
      case "EHOSTUNREACH":
      case "ETIMEDOUT":
        return new Transient(failure(`it cannot be reached (${code})`));
    }
    if (/CERT|ISSUER|VERIFY/.test(code)) {
      return failure(`its certificate is not trusted (${code}); name the authority of it with --ca`);
    }
    if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
      return failure("it does not speak TLS, and plain HTTP is only used on this machine's own addresses");
    }
    if (name === "HTTPParserError") return failure("its answer is not HTTP");
    if (code === "") return error;
    return failure(`${message.split("\n")[0]} (${code})`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What is still under way has failed already.
    await Promise.all([this.#direct.destroy(), this.#proxied.destroy()]);
  }
}

/**
 * An address that a registry gave, relative to the one that was asked. TLS is never left, and
 * nothing but this machine is asked without it.
 * @throws MeshwrightError `registry-failed`
 */
export function resolveLocation(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw registryFailure(from.host, "it gives an address that is none");
  const to = new URL(location, from);
  const isPlain = to.protocol === "http:" && from.protocol === "http:" && isLoopback(to.hostname);
  if (to.protocol !== "https:" && !isPlain) {
    throw registryFailure(from.host, `it sends to ${to.protocol}//${to.host}, which is not HTTPS`);
  }
  // A user in an address would become a login.
  to.username = "";
  to.password = "";
  return to;
}

async function readBounded(url: URL, stream: Readable): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MAX_ANSWER) throw registryFailure(url.host, "its answer has more than 4 MiB");
    parts.push(part);
  }
  return Buffer.concat(parts);
}
