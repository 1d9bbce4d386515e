// The body of one direction as the host's buffer has it. At its start are bytes that filters hold:
// first those that have passed every filter and wait for the host, then those that some filter
// keeps from the next. Behind them is what has just come.

import { BodyBuffer } from "../host/body";

/** What of the host's buffer is hidden from the filter that is being called. */
@final
export class BodyWindow {
  /** Bytes at the buffer's start. */
  hidden: u32 = 0;
}

export const requestWindow = new BodyWindow();
export const responseWindow = new BodyWindow();

@final
export class HeldBody {
  /** Something was held, were it only no bytes: who resumes passes it on. */
  exists: bool = false;
  /**
   * The host was told `StopIterationAndBuffer`: its buffer has what is held, and it can be read in
   * any callback.
   */
  private inHost: bool = false;
  /** Bytes in the host's buffer. */
  private total: u32 = 0;
  /** Of these, bytes that are held, with those that have passed. */
  private held: u32 = 0;
  /** Of these, bytes that have passed: no filter sees them again. */
  private passed: u32 = 0;

  constructor(
    private readonly buffer: BodyBuffer,
    private readonly window: BodyWindow,
  ) {}

  reset(): void {
    this.exists = false;
    this.letGo();
  }

  /** A body callback: the host's buffer has `size` bytes now. */
  arrive(size: u32): void {
    this.total = size;
    this.held = this.inHost ? min(this.held, size) : 0;
    this.passed = min(this.passed, this.held);
  }

  /** Another callback, or a filter that may have changed what is held. */
  measure(): void {
    this.total = this.inHost ? this.buffer.size() : 0;
    this.held = this.total;
    this.passed = min(this.passed, this.total);
  }

  /** What has just come belongs to what is held. */
  hold(): void {
    this.held = this.total;
    this.exists = true;
  }

  /** All of it has passed every filter. */
  pass(): void {
    this.passed = this.total;
  }

  /** The host takes all of it. */
  letGo(): void {
    this.inHost = false;
    this.passed = 0;
  }

  /**
   * Shows a filter all that is held, or what has just come alone. Returns how many bytes that is.
   */
  show(whole: bool): u32 {
    if (whole) this.hold();
    const hidden = whole ? this.passed : this.held;
    this.window.hidden = hidden;
    return this.total - hidden;
  }

  /** Shows a filter nothing. */
  hide(): void {
    this.window.hidden = this.total;
  }

  /** Ends what `show` and `hide` began. */
  unhide(): void {
    this.window.hidden = 0;
  }

  /** A filter to which it was shown so may have changed it. */
  changed(whole: bool): void {
    this.total = this.buffer.size();
    this.held = whole ? this.total : min(this.held, this.total);
  }

  /**
   * Nothing goes on to the host.
   * @param dropsNew what has just come is not to be held
   * @param keeps the host's buffer must be readable later
   * @returns whether the host has to hold something where it can be read
   */
  stop(dropsNew: bool, keeps: bool): bool {
    if (dropsNew && this.inHost && this.total > this.held) this.dropNew();
    this.inHost = dropsNew ? this.held > 0 : keeps;
    return this.inHost;
  }

  /** The host has put what has just come behind what is held already. */
  private dropNew(): void {
    this.window.hidden = this.held;
    this.buffer.clear();
    this.window.hidden = 0;
    this.total = this.held;
  }
}
