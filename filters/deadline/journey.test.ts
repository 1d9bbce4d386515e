// Properties of whole journeys, in the in-process host: a gateway and two services behind each
// other, each with the filter in both chains and with retries, and a last service that is slow,
// fails, or says nothing. Whatever happens,
//
// - what a hop is told is never more than what is left of the journey, but for time on the wire;
// - what is left never grows from one attempt to the next, nor along the path;
// - all attempts of all hops are over when the journey's time is.

import { beforeAll, describe, expect, test } from "vitest";
import type { HostedExchange, HostedProxy } from "../../kit/index.js";
import type { UpstreamRequest } from "../../kit/traffic.js";
import { amount } from "../../test/support/amount.js";
import { type DeadlineProxyOf, deadlineProxies } from "../../test/support/deadline-proxy.js";

const HEADER = "x-request-timeout-ms";
const HOPS = 3;
/** The longest time on the wire between two hops, which nobody counts. */
const STEP_MS = 5;

let proxyOf: DeadlineProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await deadlineProxies());
}, 120_000);

type Draw = (bound: number) => number;

/** Numbers that look random and repeat. */
function drawsOf(seed: number): Draw {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

type Attempt = HostedProxy["attempts"][number];

/** One attempt of a hop, and the request that it makes at the next hop. */
interface Link {
  readonly attempt: Attempt;
  readonly exchange: HostedExchange | undefined;
  /** When the last service answers, and with which status; never, if this is undefined. */
  readonly answer: { readonly at: number; readonly status: number } | undefined;
}

/** What a hop was told, and when. */
interface Told {
  readonly at: number;
  readonly left: number;
}

class Journey {
  readonly told: Told[][] = Array.from({ length: HOPS }, () => []);
  /** When the last attempt of any hop was still under way. */
  lastBusy = 0;
  private readonly hops: readonly HostedProxy[];
  private readonly links: Link[][] = Array.from({ length: HOPS }, () => []);
  private readonly known = new Set<Attempt>();
  private now = 0;

  constructor(
    readonly budget: number,
    private readonly draw: Draw,
  ) {
    this.hops = this.told.map((told, i) => this.hop(i === 0, told));
  }

  /** A margin and a limit of its own for each hop; only the gateway has no caller to believe. */
  private hop(isGateway: boolean, told: Told[]): HostedProxy {
    const { draw, budget } = this;
    const rule = { name: "r", margin: `${draw(4)}ms`, max: "15s" };
    const listener = isGateway
      ? { rules: [{ ...rule, default: `${budget}ms` }] }
      : { header: { trusted: true }, rules: [rule] };
    const proxy: HostedProxy = proxyOf(
      { listener, cluster: { header: { trusted: true }, rules: [{ name: "r", margin: `${draw(3)}ms` }] } },
      {
        upstreams: {
          next: (request) => {
            told.push({ at: proxy.host.clock.elapsedMs, left: Number(request.header(HEADER)) });
            return undefined;
          },
        },
        routeOptions: {
          timeoutSeconds: 15,
          retryPolicy: {
            retryOn: ["5xx", "reset"],
            numRetries: draw(4),
            perTryTimeoutSeconds: (20 + draw(budget)) / 1000,
          },
        },
      },
    );
    return proxy;
  }

  run(): HostedExchange {
    const exchange = (this.hops[0] as HostedProxy).request({ headers: [[HEADER, "999999999"]] });
    while (this.now < this.budget + 10 * STEP_MS) {
      for (let hop = 0; hop < HOPS; hop++) this.follow(hop);
      for (const proxy of this.hops) proxy.advance(STEP_MS);
      this.now += STEP_MS;
    }
    return exchange;
  }

  private follow(hop: number): void {
    const proxy = this.hops[hop] as HostedProxy;
    for (const attempt of proxy.attempts) {
      if (this.known.has(attempt) || attempt.request === undefined) continue;
      this.known.add(attempt);
      this.begin(hop, attempt, attempt.request);
    }
    const links = this.links[hop] as Link[];
    for (const link of links.splice(0)) if (!this.settle(link)) links.push(link);
    if (links.length > 0) this.lastBusy = this.now;
  }

  private begin(hop: number, attempt: Attempt, request: UpstreamRequest): void {
    const left = request.header(HEADER);
    const next = this.hops[hop + 1];
    const headers = left === undefined ? [] : ([[HEADER, left]] as const);
    this.links[hop]?.push({
      attempt,
      exchange: next?.request({ headers }),
      answer: next === undefined && this.draw(4) > 0 ? this.drawAnswer() : undefined,
    });
  }

  private drawAnswer() {
    return { at: this.now + this.draw(this.budget), status: this.draw(3) === 0 ? 200 : 503 };
  }

  /** Whether the attempt is over. */
  private settle({ attempt, exchange, answer }: Link): boolean {
    if (attempt.isOver) {
      exchange?.cancel();
      return true;
    }
    const response = exchange?.response;
    if (response !== undefined) attempt.respond({ status: response.status });
    else if (answer !== undefined && answer.at <= this.now) attempt.respond({ status: answer.status });
    else return false;
    return true;
  }
}

describe("whatever the services of a journey do", () => {
  test.each(Array.from({ length: amount(200, 30) }, (_, i) => [i + 1]))("with seed %d", (seed) => {
    const draw = drawsOf(seed);
    const journey = new Journey(100 + draw(700), draw);
    const exchange = journey.run();
    expect(exchange.response).toBeDefined();
    expect(journey.told[0]?.length).toBeGreaterThan(0);
    journey.told.forEach((hop, place) => {
      for (const [i, { at, left }] of hop.entries()) {
        const end = journey.budget + place * STEP_MS;
        expect(at + left, `hop ${place}, attempt ${i + 1}`).toBeLessThanOrEqual(end);
        expect(left).toBeLessThanOrEqual(hop[i - 1]?.left ?? journey.budget);
        const above = journey.told[place - 1]?.findLast((told) => told.at <= at);
        if (above !== undefined) expect(left).toBeLessThanOrEqual(above.left);
      }
    });
    expect(journey.lastBusy).toBeLessThanOrEqual(journey.budget + HOPS * STEP_MS);
  });

  test("retries are among what happens, at every hop", () => {
    const attempts = [0, 0, 0];
    for (let seed = 1; seed <= 20; seed++) {
      const draw = drawsOf(seed);
      const journey = new Journey(100 + draw(700), draw);
      journey.run();
      journey.told.forEach((hop, place) => {
        attempts[place] = Math.max(attempts[place] ?? 0, hop.length);
      });
    }
    for (const most of attempts) expect(most).toBeGreaterThan(2);
  });
});
