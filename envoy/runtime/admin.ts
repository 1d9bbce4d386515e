// Calls Envoy's admin interface with the built-in fetch. Every call has a time limit.

import { MeshwrightError } from "../errors.js";

const callTimeoutMs = 5_000;

/** What `/server_info` says. */
export interface ServerInfo {
  /** Commit, release, state of the sources, build type and TLS library, joined with slashes. */
  readonly version: string;
  readonly state: "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";
  readonly command_line_options: Readonly<Record<string, unknown>>;
}

/** A certificate that Envoy shows. Times are as in ISO 8601. */
export interface ShownCertificate {
  readonly serial: string;
  readonly uris: readonly string[];
  readonly hosts: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
}

/** The fields of `/certs` that are read. */
interface CertificateFacts {
  readonly serial_number: string;
  readonly subject_alt_names?: readonly { readonly uri?: string; readonly dns?: string }[];
  readonly valid_from: string;
  readonly expiration_time: string;
}

/**
 * Calls fail with MeshwrightError `envoy-failed` when Envoy does not answer within 5 s, answers
 * with a status other than 200, or in another form than requested.
 */
export class AdminClient {
  /** @param url Origin, for example `http://127.0.0.1:9901`. */
  constructor(readonly url: string) {}

  /** Whether Envoy serves traffic; also `false` when nothing answers. */
  async ready(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(callTimeoutMs) });
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /**
   * Counters and gauges by name. @param filterRegex RE2 expression that a part of the name must
   * match.
   */
  async stats(filterRegex?: string): Promise<ReadonlyMap<string, number>> {
    const filter = filterRegex === undefined ? "" : `&filter=${encodeURIComponent(filterRegex)}`;
    const body = (await this.#json(`/stats?format=json${filter}`)) as {
      readonly stats: readonly { readonly name?: string; readonly value?: unknown }[];
    };
    const values = new Map<string, number>();
    for (const { name, value } of body.stats) {
      // Histograms have no single value, and text readouts have no number.
      if (name !== undefined && typeof value === "number") values.set(name, value);
    }
    return values;
  }

  /** Metrics in the text format of Prometheus. */
  prometheus(): Promise<string> {
    return this.#call("GET", "/stats/prometheus");
  }

  /** The certificates that it shows, each once. */
  async certificates(): Promise<readonly ShownCertificate[]> {
    const { certificates } = (await this.#json("/certs")) as {
      readonly certificates: readonly { readonly cert_chain?: readonly CertificateFacts[] }[];
    };
    const shown = certificates
      .flatMap(({ cert_chain = [] }) => cert_chain)
      .map(({ serial_number, valid_from, expiration_time, subject_alt_names = [] }) => ({
        serial: serial_number,
        uris: subject_alt_names.flatMap(({ uri = [] }) => uri),
        hosts: subject_alt_names.flatMap(({ dns = [] }) => dns),
        validFrom: valid_from,
        validTo: expiration_time,
      }));
    return [...new Map(shown.map((each) => [each.serial, each])).values()];
  }

  configDump(): Promise<unknown> {
    return this.#json("/config_dump");
  }

  async serverInfo(): Promise<ServerInfo> {
    return (await this.#json("/server_info")) as ServerInfo;
  }

  /**
   * Calls an endpoint that changes something, for example `/logging?wasm=debug`, and returns what
   * it answers.
   */
  post(path: string): Promise<string> {
    return this.#call("POST", path);
  }

  async #json(path: string): Promise<unknown> {
    const body = await this.#call("GET", path);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw new MeshwrightError(
        "envoy-failed",
        `the server at ${this.url}${path} is not Envoy's admin: it sends no JSON`,
        [],
        { cause },
      );
    }
  }

  async #call(method: string, path: string): Promise<string> {
    const where = `${this.url}${path}`;
    let response: Response;
    let body: string;
    try {
      response = await fetch(where, { method, signal: AbortSignal.timeout(callTimeoutMs) });
      body = await response.text();
    } catch (cause) {
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy's admin does not answer at ${where}; check whether this Envoy still runs`,
        [],
        { cause },
      );
    }
    if (response.status !== 200) {
      const answer = body.trim().split("\n")[0] ?? "";
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy's admin answers ${response.status} at ${where}: ${answer}`,
      );
    }
    return body;
  }
}
