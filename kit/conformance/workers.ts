// The filter in a whole proxy: a request has the same outcome on every worker.

import type { Json } from "../../envoy/config/json.js";
import { isSendable } from "../host/check.js";
import { type HostedProxy, hostProxy, type RequestOptions } from "../host/proxy.js";
import type { HeaderList, UpstreamResponse } from "../traffic.js";
import { broken, type Check, difference, REMEMBERS, shown } from "./check.js";
import { doesRemember } from "./facts.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import type { Script } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const WORKERS = 3;
const REQUESTS = 300;
/**
 * How many requests each worker serves first, so that all workers have used up their first random
 * bytes.
 */
const WARM_UP = 100;
const MOST_CONFIGURATIONS = 10;
/** Longer than a filter waits for anything, in milliseconds. */
const LONG_MS = 60_000;
const ANY_BYTE = 0x5a;
/** Headers that the check itself sets. */
const OWN = new Set(["host", "x-request-id"]);
const SEEDS = [1, 2] as const;

export const workerChecks: readonly Check[] = [
  {
    name: "does the same on every worker of a proxy",
    run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      const exchanges = Array.from({ length: REQUESTS }, (_, i) => exchangeOf(maker.script(), i));
      for (const configuration of subject.sample(subject.amount(MOST_CONFIGURATIONS))) {
        const spread = serve(subject, configuration, exchanges, (i) => i % WORKERS);
        const [alone, again] = SEEDS.map((seed) => serve(subject, configuration, exchanges, () => 0, seed));
        if (doesRemember(subject.facts, configuration)) continue;
        // An outcome that differs with another seed is chance.
        const i = spread.findIndex((seen, k) => seen !== alone?.[k] && alone?.[k] === again?.[k]);
        if (i < 0) continue;
        const [is, was] = difference(spread[i] ?? "", alone?.[i] ?? "");
        broken(
          `a request comes out differently on another worker.\non worker ${i % WORKERS}: ${is}\non worker 0: ${was}\n${REMEMBERS}\n` +
            `${repeats(subject, configuration)}\nrequest: ${shown(exchanges[i], 400)}`,
        );
      }
    },
  },
];

function repeats({ seed }: Subject, configuration: unknown): string {
  return `MESHWRIGHT_SEED=${seed} repeats it.\nconfiguration: ${shown(configuration, 400)}`;
}

interface ProxyExchange {
  readonly request: RequestOptions;
  readonly answer: UpstreamResponse;
}

/** What a client and an upstream would send for a script. */
function exchangeOf({ headers, events, properties }: Script, number: number): ProxyExchange {
  const pseudo = (name: string, fallback: string) => {
    const value = headers.find(([other]) => other === name)?.[1] ?? "";
    return isSendable(["x", value]) && /^[^ \t]+$/.test(value) ? value : fallback;
  };
  const answered = events.find((event) => event.kind === "response-headers");
  const status = Number(answered?.headers.find(([name]) => name === ":status")?.[1]);
  const asked = bodyOf(events, "request-body");
  return {
    request: {
      method: pseudo(":method", "GET"),
      path: pseudo(":path", "/"),
      // The proxy draws an id when none is given.
      headers: [...plain(headers), ["host", pseudo(":authority", "test")], ["x-request-id", `${number}`]],
      ...(asked.length === 0 ? {} : { body: asked }),
      properties,
    },
    answer: {
      status: status >= 200 && status <= 599 ? status : 200,
      headers: plain(answered?.headers ?? []),
      body: bodyOf(events, "response-body"),
    },
  };
}

function plain(headers: HeaderList): HeaderList {
  return headers.filter((header) => isSendable(header) && !OWN.has(header[0]));
}

function bodyOf(events: Script["events"], kind: "request-body" | "response-body"): readonly Uint8Array[] {
  return events.flatMap((event) => (event.kind === kind ? [Buffer.from(event.bytes, "latin1")] : []));
}

/** What the client and the upstream saw of each request. */
function serve(
  subject: Subject,
  configuration: unknown,
  exchanges: readonly ProxyExchange[],
  workerOf: (i: number) => number,
  seed: number = SEEDS[0],
): string[] {
  let answer: UpstreamResponse = {};
  const proxy = hostProxy({
    filters: [{ name: subject.name, module: subject.modulePath, configuration: configuration as Json }],
    upstreams: { upstream: () => answer },
    workers: WORKERS,
    seed,
  });
  proxy.host.fillRandom = (bytes) => bytes.fill(ANY_BYTE);
  const pass = ({ request, answer: given }: ProxyExchange, worker: number): string => {
    answer = given;
    return outcomeOf(proxy, { ...request, worker }, () =>
      broken(
        `${proxy.traps[0]?.message}\n${repeats(subject, configuration)}\nrequest: ${shown(request, 2000)}`,
      ),
    );
  };
  for (let worker = 0; worker < WORKERS; worker++) {
    for (const exchange of exchanges.slice(0, WARM_UP)) pass(exchange, worker);
  }
  return exchanges.map((exchange, i) => pass(exchange, workerOf(i)));
}

function outcomeOf(proxy: HostedProxy, request: RequestOptions, onTrap: () => never): string {
  const before = proxy.upstreamSaw().length;
  const exchange = proxy.request(request);
  if (exchange.response === undefined) proxy.advance(LONG_MS);
  exchange.cancel();
  if (proxy.traps.length > 0) onTrap();
  const reached = proxy
    .upstreamSaw()
    .slice(before)
    .map(({ headers, body }) => ({ headers, body }));
  return JSON.stringify({ response: exchange.response, details: exchange.details, reached });
}
