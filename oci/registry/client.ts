// Asks a registry, as one user and about one repository: with its login, and again where an answer
// may be better next time. Source: the OCI distribution specification 1.1.

import { setTimeout as sleep } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { type Authorization, authorize, noLogin } from "./authorization.js";
import { findLogin, type Login } from "./docker-config.js";
import { ownWords, registryFailure, Transient } from "./errors.js";
import { isLoopback } from "./loopback.js";
import type { Reference } from "./reference.js";
import { type Answer, LIMITS, type Limits, type Outgoing, Transport } from "./transport.js";

export interface ClientOptions {
  /** Certificates in PEM by which registries are checked. Default: Node's. */
  readonly ca?: string;
  /** Where `DOCKER_CONFIG`, `HOME` and `PATH` are read. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Called with a line for what takes time or may surprise. */
  readonly onProgress?: (line: string) => void;
  /** Default: `LIMITS`. */
  readonly limits?: Partial<Limits>;
}

/** What is sent, and which statuses are answers. */
export interface Asked extends Omit<Outgoing, "authorization"> {
  readonly expect: readonly number[];
  /** What it is about, for messages: "the layer sha256:…". */
  readonly about: string;
  /** Whether the caller tries again by itself. Default: false. */
  readonly once?: boolean;
}

const MAX_WAIT_MS = 60_000;
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];

export class RegistryClient implements AsyncDisposable {
  readonly reference: Reference;
  readonly #transport: Transport;
  readonly #limits: Limits;
  readonly #options: ClientOptions;
  readonly #login: Login | undefined;
  #base: URL;
  #authorization: Authorization = {};

  private constructor(reference: Reference, login: Login | undefined, options: ClientOptions) {
    this.reference = reference;
    this.#login = login;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#base = new URL(`https://${reference.host}/`);
    const told = new Set<string>();
    this.#transport = new Transport({
      limits: this.#limits,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onRedirect: (from, to) => {
        if (!told.has(to)) options.onProgress?.(`${from} redirects to ${to}, which does not get the login`);
        told.add(to);
      },
    });
  }

  /**
   * Finds out how the registry speaks, and logs in where it asks for that.
   * @throws MeshwrightError `registry-failed`; `configuration` where the login cannot be read
   */
  static async connect(reference: Reference, options: ClientOptions = {}): Promise<RegistryClient> {
    const login = await findLogin(reference.registry, options.env ?? process.env);
    const client = new RegistryClient(reference, login, options);
    try {
      await client.#greet();
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How the registry asked for a login. */
  get authorization(): Pick<Authorization, "scheme" | "realm"> {
    return this.#authorization;
  }

  /** Whether the registry is spoken to without TLS. */
  get isPlain(): boolean {
    return this.#base.protocol === "http:";
  }

  /** An address below `/v2/REPOSITORY/`. */
  urlOf(place: string): URL {
    return new URL(`/v2/${this.reference.repository}/${place}`, this.#base);
  }

  /**
   * Sends a request with the login, until there is an answer.
   * @throws MeshwrightError `registry-failed`; Transient where `once` is set
   */
  request(url: URL, asked: Asked): Promise<Answer> {
    const work = () => this.#ask(url, asked);
    return asked.once ? work() : this.withRetries(work);
  }

  /** Does it again, with growing pauses, as long as it fails in a way that may pass. */
  async withRetries<T>(work: () => Promise<T>): Promise<T> {
    const { attempts, waitMs } = this.#limits;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Transient)) throw error;
        const { message, code } = error.failure;
        if (attempt >= attempts) {
          throw new MeshwrightError(code, `${message}; given up after ${attempt} attempts`, [], {
            cause: error,
          });
        }
        // Random, so that many clients that failed together do not come back together.
        const pause = waitMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
        await this.#pause(Math.min(Math.max(pause, error.waitMs), MAX_WAIT_MS), message);
      }
    }
  }

  async #pause(ms: number, why: string): Promise<void> {
    const { onProgress, signal } = this.#options;
    onProgress?.(`${why}; trying again in ${(ms / 1000).toFixed(1)} s`);
    await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
  }

  async #ask(url: URL, asked: Asked): Promise<Answer> {
    const first = await this.#send(url, asked);
    const answer = first.status === 401 ? await this.#sendAgain(url, asked, first) : first;
    if (asked.expect.includes(answer.status)) return answer;
    throw this.#refused(answer, asked.about);
  }

  #send(url: URL, { method, headers, body }: Pick<Asked, "method" | "headers" | "body">): Promise<Answer> {
    const { value } = this.#authorization;
    // An upload may go to another host, which must not get the login.
    const isRegistry = url.origin === this.#base.origin;
    return this.#transport.send(url, {
      method,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
      ...(isRegistry && value !== undefined ? { authorization: value } : {}),
    });
  }

  /** A token may have expired, or be of another kind than the first answer asked for. */
  async #sendAgain(url: URL, asked: Asked, refusal: Answer): Promise<Answer> {
    if (refusal.url.origin !== this.#base.origin) return refusal;
    await this.#logIn(refusal);
    return this.#send(url, asked);
  }

  async #logIn(refusal: Answer): Promise<void> {
    const { onProgress } = this.#options;
    this.#authorization = await authorize(refusal, {
      reference: this.reference,
      login: this.#login,
      ...(onProgress === undefined ? {} : { onProgress }),
      send: (url, outgoing) =>
        this.withRetries(async () => this.#passable(await this.#transport.send(url, outgoing))),
    });
  }

  async #greet(): Promise<void> {
    const answer = await this.withRetries(() => this.#greetOnce());
    if (answer.status === 401) {
      // The token service that another host names must not get the login either.
      if (answer.url.origin !== this.#base.origin) throw this.#refused(answer, "/v2/");
      await this.#logIn(answer);
    } else if (answer.status !== 200) {
      throw registryFailure(
        this.reference.registry,
        `it is no registry: it answers ${answer.status} to GET /v2/`,
      );
    }
  }

  /** A registry on this machine may speak TLS or not: its first answer tells. */
  async #greetOnce(): Promise<Answer> {
    try {
      return this.#passable(await this.#transport.send(new URL("/v2/", this.#base), { method: "GET" }));
    } catch (error) {
      const failure = error instanceof Transient ? error.failure : error;
      const code = failure instanceof MeshwrightError ? codeOf(failure.cause) : "";
      if (
        !/EPROTO|ERR_SSL|ECONNRESET|UND_ERR_SOCKET/.test(code) ||
        !isLoopback(this.#base.hostname) ||
        this.isPlain
      )
        throw error;
      this.#base = new URL(`http://${this.reference.host}/`);
      return this.#passable(await this.#transport.send(new URL("/v2/", this.#base), { method: "GET" }));
    }
  }

  #passable(answer: Answer): Answer {
    if (TRANSIENT.includes(answer.status)) throw this.#refused(answer, `${answer.url.pathname}`);
    return answer;
  }

  #refused({ url, status, header, body }: Answer, about: string): unknown {
    const { registry } = this.reference;
    if (url.origin !== this.#base.origin && (status === 401 || status === 403)) {
      return registryFailure(
        registry,
        `${url.host}, where it sends ${about}, wants a login (${status}), and gets none`,
      );
    }
    if (status === 401 && this.#login === undefined) return noLogin(this.reference);
    if (status === 401) {
      return registryFailure(
        registry,
        `it refuses the login${ownWords(body)}; run \`docker login ${registry}\` again`,
      );
    }
    if (status === 403) {
      return registryFailure(
        registry,
        `it does not let this login push to ${this.reference.repository}${ownWords(body)}`,
      );
    }
    const failure = registryFailure(registry, `it answers ${status} for ${about}${ownWords(body)}`);
    return TRANSIENT.includes(status) ? new Transient(failure, waitOf(header("retry-after"))) : failure;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#transport[Symbol.asyncDispose]();
  }
}

/** Seconds, or a date. */
function waitOf(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}
