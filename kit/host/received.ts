// What came out on one side of a filter.

import type { HeaderList } from "../traffic.js";
import type { Sink } from "./direction.js";
import type { HeaderMap } from "./header-map.js";

export class Received implements Sink {
  headerMap: HeaderMap | undefined;
  trailerMap: HeaderMap | undefined;
  /** Whether everything has come. */
  isWhole = false;
  /** The body as it came, piece by piece. */
  readonly chunks: Buffer[] = [];

  /** The headers, empty while none have come. */
  get headerList(): HeaderList {
    return this.headerMap?.entries ?? [];
  }

  get trailerList(): HeaderList {
    return this.trailerMap?.entries ?? [];
  }

  /** The HTTP status of a response; NaN when there is none. */
  get status(): number {
    return Number(this.headerMap?.get(":status"));
  }

  /** The body so far. */
  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.body.toString("utf8");
  }

  header(name: string): string | undefined {
    return this.headerMap?.get(name);
  }

  headers(map: HeaderMap, end: boolean): void {
    this.headerMap = map;
    this.isWhole = end;
  }

  data(bytes: Buffer, end: boolean): void {
    if (bytes.length > 0) this.chunks.push(bytes);
    this.isWhole = end;
  }

  trailers(map: HeaderMap): void {
    this.trailerMap = map;
    this.isWhole = true;
  }
}
