// For specs: a request that is written down as `name= value` lines.

import { Bytes } from "../text/bytes";
import { RequestView } from "./request-view";

export class ListedRequest extends RequestView {
  lines: Array<string> = [];
  address: string = "";
  /** The result of every draw. */
  drawn: u32 = 0;
  draws: i32 = 0;
  /** How often one header was fetched, and how often all of them. */
  fetched: i32 = 0;
  walks: i32 = 0;
  /** Refuses to hand over all headers at once. */
  refusesWalks: bool = false;

  /** Begins a request that these lines describe. */
  start(lines: Array<string>): void {
    this.lines = lines;
    this.begin();
  }

  protected fetch(name: Bytes): Bytes | null {
    this.fetched++;
    const lines = this.linesOf(name);
    return lines.length == 0 ? null : Bytes.of(lines[0]);
  }

  protected fetchLines(name: Bytes): Bytes | null {
    this.fetched++;
    const lines = this.linesOf(name);
    return lines.length == 0 ? null : Bytes.of(lines.join(","));
  }

  private linesOf(name: Bytes): Array<string> {
    const values: Array<string> = [];
    for (let i = 0; i < this.lines.length; i++) {
      if (nameIn(this.lines[i]) == name.toString()) values.push(valueIn(this.lines[i]));
    }
    return values;
  }

  protected fetchAll(): bool {
    this.walks++;
    if (this.refusesWalks) return false;
    for (let i = 0; i < this.lines.length; i++) {
      this.found(Bytes.of(nameIn(this.lines[i])), Bytes.of(valueIn(this.lines[i])));
    }
    return true;
  }

  /** Whether somebody else has read all headers. */
  knows: bool = false;

  protected knowsAll(): bool {
    return this.knows;
  }

  /** The stream's metadata, encoded, or `null`. */
  metadata: Bytes | null = null;

  /** An attribute is a line `source.address= 192.0.2.1`. */
  protected fetchAttribute(path: Bytes): Bytes | null {
    if (path.toString() == "metadata") return this.metadata;
    return this.fetch(Bytes.of(path.toString().replaceAll("\0", ".")));
  }

  protected fetchClientAddress(): Bytes | null {
    this.fetched++;
    return this.address.length == 0 ? null : Bytes.of(this.address);
  }

  draw(bound: u32): u32 {
    this.draws++;
    return this.drawn;
  }

  drawBits(): u64 {
    this.draws++;
    return this.drawn;
  }
}

function nameIn(line: string): string {
  return line.substring(0, line.indexOf("= "));
}

function valueIn(line: string): string {
  return line.substring(line.indexOf("= ") + 2);
}
