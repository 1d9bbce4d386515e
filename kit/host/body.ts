// The bytes of a body, kept as the pieces in which they came.

import { Status } from "./abi.js";

/** A buffer that a module can read, and can change by Envoy's rules. */
export class Body {
  private parts: Buffer[];
  private length: number;

  constructor(
    bytes?: Buffer,
    /** Whether a module must not change it. */
    private readonly isFixed = false,
  ) {
    this.parts = bytes === undefined || bytes.length === 0 ? [] : [bytes];
    this.length = bytes?.length ?? 0;
  }

  get size(): number {
    return this.length;
  }

  /** The whole body as one piece. */
  bytes(): Buffer {
    if (this.parts.length !== 1) this.parts = [Buffer.concat(this.parts, this.length)];
    return this.parts[0] as Buffer;
  }

  /** The whole body as one piece. The body is empty afterwards. */
  drain(): Buffer {
    const bytes = this.bytes();
    this.clear();
    return bytes;
  }

  /**
   * Moves all pieces of another body to the end of this one. The other body is empty afterwards.
   */
  take(other: Body): void {
    for (const part of other.parts) this.parts.push(part);
    this.length += other.length;
    other.clear();
  }

  /**
   * Writes for a module: before the first byte (start and length 0), in place of the whole body
   * (start 0, length at least its size), or after the last byte (start at least its size). Any
   * other range is `BadArgument`.
   */
  write(start: number, length: number, data: Buffer): number {
    if (this.isFixed) return Status.BadArgument;
    if (start === 0 && length === 0) this.parts.unshift(data);
    else if (start === 0 && length >= this.length) {
      this.clear();
      this.parts.push(data);
    } else if (start > 0 && start >= this.length) this.parts.push(data);
    else return Status.BadArgument;
    this.length += data.length;
    return Status.Ok;
  }

  private clear(): void {
    this.parts = [];
    this.length = 0;
  }
}

/** A buffer that exists and is empty. */
export const NOTHING = new Body(undefined, true);
