// Renews the leases of requests in flight, so that a long stream is not taken for one of a VM that
// is gone. A worker serves nobody meanwhile, so each tick does a part.

import { RootContext, Task } from "../../../assembly";

/** So often within a lease, so that one tick may come late. */
const TIMES: u32 = 3;
/** With its host calls a tick takes about a millisecond. */
const KEYS_A_TICK: i32 = 500;
const PAUSE_MS: u32 = 20;

/** What has leases to renew. */
export abstract class Renewable {
  /** Begins to go over all leases. */
  abstract rewind(): void;

  /** Renews the next one; false if that was all. Three host calls. */
  abstract renewNext(): bool;

  /** Whether there is any lease. */
  abstract get isBusy(): bool;
}

@final
export class Renewer extends Task {
  private isRunning: bool = false;
  private isWalking: bool = false;
  private leases: Renewable | null = null;

  constructor(
    private readonly root: RootContext,
    private readonly leaseMs: u32,
  ) {
    super();
  }

  /** Starts the rounds: a request is in flight. */
  start(leases: Renewable): void {
    if (this.isRunning) return;
    this.leases = leases;
    this.isRunning = true;
    this.root.after(this.leaseMs / TIMES, this);
  }

  run(): void {
    const leases = this.leases;
    if (!leases) return;
    if (!this.isWalking) leases.rewind();
    this.isWalking = true;
    for (let keys = 0; keys < KEYS_A_TICK; keys++) {
      if (leases.renewNext()) continue;
      this.isWalking = false;
      this.isRunning = false;
      if (leases.isBusy) this.start(leases);
      return;
    }
    this.root.after(PAUSE_MS, this);
  }
}
