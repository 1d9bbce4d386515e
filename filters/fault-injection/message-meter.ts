// How many messages of a gRPC body have passed. Each has a prefix of five bytes: a flag, and the
// message's size (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Pieces of a body
// end anywhere, also within a prefix. Pure: pieces go in, numbers of bytes come out.

import { Bytes } from "../../assembly";

const PREFIX_SIZE: u32 = 5;

@final
export class MessageMeter {
  /** Messages that may still begin. */
  private left: u32 = 0;
  /** Bytes of the current prefix that have come. */
  private prefix: u32 = 0;
  /** The size in the current prefix, as far as it has come. */
  private size: u32 = 0;
  /** Bytes of the current message that are still to come. */
  private rest: u32 = 0;

  /** A body begins, of which so many messages pass. */
  begin(messages: u32): void {
    this.left = messages;
    this.prefix = 0;
    this.size = 0;
    this.rest = 0;
  }

  /** So many messages have come, and the last of them is whole. */
  get isFull(): bool {
    return this.left == 0 && this.prefix == 0 && this.rest == 0;
  }

  /**
   * Whether a piece of that size ends within the current message. It then passes, and nobody needs
   * to read it.
   */
  skip(size: u32): bool {
    if (size >= this.rest) return false;
    this.rest -= size;
    return true;
  }

  /** How many bytes of the next piece pass; the others belong to messages that do not. */
  admit(piece: Bytes): u32 {
    const end: u32 = piece.size;
    let at: u32 = 0;
    while (at < end) {
      if (this.rest > 0) {
        const passes = min(this.rest, end - at);
        this.rest -= passes;
        at += passes;
      } else {
        if (this.prefix == 0 && this.left == 0) return at;
        this.readPrefix(piece.at(at));
        at++;
      }
    }
    return end;
  }

  private readPrefix(byte: u8): void {
    if (this.prefix == 0) {
      this.left--;
      this.size = 0;
    } else {
      this.size = (this.size << 8) | byte;
    }
    this.prefix++;
    if (this.prefix < PREFIX_SIZE) return;
    this.prefix = 0;
    this.rest = this.size;
  }
}
