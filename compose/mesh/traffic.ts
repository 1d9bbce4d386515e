// Sends a mesh some traffic, so that the table has something to show: plain requests, users in
// groups, and two hundred single users.

import { setTimeout as delay } from "node:timers/promises";

const USERS = 200;
const TIMEOUT_MS = 10_000;
/** When answers do not come, requests must not pile up in memory. */
const MAX_IN_FLIGHT = 200;

/** One request of the mix. */
export interface TrafficRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The `n`th request of the mix, from 0. Of ten requests one is plain, three belong to a group, and
 * six come from single users in turn.
 */
export function trafficRequest(n: number, prefixes: readonly string[]): TrafficRequest {
  const path = prefixes[Math.floor(n / 10) % Math.max(prefixes.length, 1)] ?? "/";
  return { path, headers: headersOf(n) };
}

function headersOf(n: number): Readonly<Record<string, string>> {
  switch (n % 10) {
    case 0:
      return {};
    case 1:
      return { "x-user-type": "premium" };
    case 2:
      return { "x-user-group": "beta" };
    case 3:
      return { "end-user": "canary-tester" };
    default:
      return { "x-user-id": `user-${((Math.floor(n / 10) * 6 + (n % 10) - 4) % USERS) + 1}` };
  }
}

export interface TrafficOptions {
  /** The gateway's URL. */
  readonly url: string;
  /** Requests per second, above 0. */
  readonly rps: number;
  /** The host to ask for where the gateway speaks TLS. */
  readonly host?: string | undefined;
  /** The paths to request in turn. */
  readonly prefixes: readonly string[];
}

/** Sends requests until it is disposed of. Failed requests appear in the mesh's own figures. */
export function startTraffic({ url, rps, prefixes, host }: TrafficOptions): AsyncDisposable {
  const client = clientFor(host);
  const end = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  const started = performance.now();
  const loop = async () => {
    while (!end.signal.aborted) {
      const due = Math.floor(((performance.now() - started) / 1000) * rps);
      for (; sent < due; sent++) {
        if (inFlight.size >= MAX_IN_FLIGHT) continue;
        const { path, headers } = trafficRequest(sent, prefixes);
        const sending = client
          .send(`${url}${path}`, headers, end.signal)
          .finally(() => inFlight.delete(sending));
        inFlight.add(sending);
      }
      await delay(20, undefined, { signal: end.signal }).catch(() => {});
    }
  };
  const running = loop();
  return {
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await running;
      await Promise.all(inFlight);
      await client.close();
    },
  };
}

type Send = (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<void>;

/**
 * Whoever is at the gateway's port of this machine was started by this command, so nobody has to
 * prove it.
 */
function clientFor(host: string | undefined): { readonly send: Send; close(): Promise<void> } {
  const library = import("undici");
  const options = host === undefined ? {} : { connect: { servername: host, rejectUnauthorized: false } };
  const agent = library.then(({ Agent }) => new Agent(options));
  const more = host === undefined ? {} : { host };
  const send: Send = async (url, headers, signal) => {
    try {
      const { request } = await library;
      const { body } = await request(url, {
        dispatcher: await agent,
        headers: { ...headers, ...more },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await body.dump();
    } catch {
      // The gateway counts the failure, unless the mesh is ending.
    }
  };
  return { send, close: async () => (await agent).destroy() };
}
