// The body of one direction as it is in the host's buffer. Its first bytes are those that have
// passed every filter and wait for the host. Then come those that some filter keeps from the next
// one. Last is the piece that has just arrived.

import { BodyBuffer } from "../host/body";

/** The part of the host's buffer that is hidden from the filter that is being called. */
@final
export class BodyWindow {
  /** Bytes at the buffer's start. */
  hidden: u32 = 0;
}

export const requestWindow = new BodyWindow();
export const responseWindow = new BodyWindow();

@final
export class HeldBody {
  /** Something was held, even if it has no bytes: whoever resumes passes it on. */
  exists: bool = false;
  /**
   * The host was told `StopIterationAndBuffer`: its buffer has the held bytes, and any callback can
   * read them.
   */
  private inHost: bool = false;
  /** Bytes in the host's buffer. */
  private total: u32 = 0;
  /** How many of these bytes are held, those that have passed included. */
  private held: u32 = 0;
  /** How many of these bytes have passed: no filter sees them again. */
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

  /** For any other callback, and after a filter that may have changed the held bytes. */
  measure(): void {
    this.total = this.inHost ? this.buffer.size() : 0;
    this.held = this.total;
    this.passed = min(this.passed, this.total);
  }

  /** The piece that has just arrived is held. */
  hold(): void {
    this.held = this.total;
    this.exists = true;
  }

  /** All held bytes have passed every filter. */
  pass(): void {
    this.passed = this.total;
  }

  /** The host takes all bytes. */
  letGo(): void {
    this.inHost = false;
    this.passed = 0;
  }

  /**
   * Shows a filter all held bytes, or only the piece that has just arrived. Returns how many bytes
   * it sees.
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

  /** The filter to which the buffer was shown like this may have changed it. */
  changed(whole: bool): void {
    this.total = this.buffer.size();
    this.held = whole ? this.total : min(this.held, this.total);
  }

  /**
   * Nothing goes on to the host.
   * @param dropsNew the piece that has just arrived is not held
   * @param keeps the host's buffer must be readable later
   * @returns whether the host must hold something where it can be read
   */
  stop(dropsNew: bool, keeps: bool): bool {
    if (dropsNew && this.inHost && this.total > this.held) this.dropNew();
    this.inHost = dropsNew ? this.held > 0 : keeps;
    return this.inHost;
  }

  /** The host has put the new piece behind the held bytes already. */
  private dropNew(): void {
    this.window.hidden = this.held;
    this.buffer.clear();
    this.window.hidden = 0;
    this.total = this.held;
  }
}
