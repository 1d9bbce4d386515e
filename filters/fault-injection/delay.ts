// How long a request waits: a fixed length, or one drawn from a distribution. Pure: chance comes
// from the request view.

import { RequestView } from "../../assembly/rules";

/** Means that there is no delay. A delay of 0 ms is a delay, though it holds nothing. */
export const NO_DELAY: i32 = -1;

/**
 * Steps of a draw: about a thousand million, so that one draw in as many exceeds 21 means of an
 * exponential distribution.
 */
const STEPS: u32 = 1 << 30;
const TWO_PI: f64 = 6.283185307179586;

/** A delay as the configuration describes it. */
export abstract class Delay {
  constructor(private readonly maxMs: u32) {}

  /** The delay of this request: whole milliseconds, 0 to the maximum. */
  draw(request: RequestView): u32 {
    const ms = Math.round(this.sample(request));
    return <u32>min<f64>(max<f64>(ms, 0), this.maxMs);
  }

  /** A length in milliseconds. May be below 0 and above the maximum. */
  protected abstract sample(request: RequestView): f64;
}

/** A number in (0, 1). */
function fraction(request: RequestView): f64 {
  return (<f64>request.draw(STEPS) + 0.5) / <f64>STEPS;
}

/** How many standard deviations a normally distributed value is above its mean (Box and Muller). */
function normalDeviate(request: RequestView): f64 {
  const radius = Math.sqrt(-2 * Math.log(fraction(request)));
  return radius * Math.cos(TWO_PI * fraction(request));
}

@final
export class FixedDelay extends Delay {
  constructor(
    private readonly ms: f64,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    return this.ms;
  }
}

@final
export class UniformDelay extends Delay {
  constructor(
    private readonly minMs: f64,
    private readonly maxMsDrawn: f64,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    return this.minMs + (this.maxMsDrawn - this.minMs) * fraction(request);
  }
}

@final
export class NormalDelay extends Delay {
  constructor(
    private readonly meanMs: f64,
    private readonly deviationMs: f64,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    return this.meanMs + this.deviationMs * normalDeviate(request);
  }
}

@final
export class ExponentialDelay extends Delay {
  constructor(
    private readonly meanMs: f64,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    return -this.meanMs * Math.log(fraction(request));
  }
}

@final
export class LogNormalDelay extends Delay {
  constructor(
    private readonly medianMs: f64,
    private readonly sigma: f64,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    return this.medianMs * Math.exp(this.sigma * normalDeviate(request));
  }
}

@final
export class PercentileDelay extends Delay {
  /** Both lists have the same size, 2 or more. The percentiles rise from 0 to 100. */
  constructor(
    private readonly percentiles: StaticArray<f64>,
    private readonly lengthsMs: StaticArray<f64>,
    maxMs: u32,
  ) {
    super(maxMs);
  }

  protected sample(request: RequestView): f64 {
    const percentile = 100 * fraction(request);
    const last = this.percentiles.length - 1;
    let above = 1;
    while (above < last && unchecked(this.percentiles[above]) < percentile) above++;
    const from = unchecked(this.percentiles[above - 1]);
    const fromMs = unchecked(this.lengthsMs[above - 1]);
    const slope = (unchecked(this.lengthsMs[above]) - fromMs) / (unchecked(this.percentiles[above]) - from);
    return fromMs + (percentile - from) * slope;
  }
}
