// What a client sends and gets, and what an upstream gets and answers. The in-process host and
// stock Envoy use the same types, so that one test can compare both.

/**
 * A header map on its way: names and values in order, including repeated names. The characters of a
 * value are its bytes (latin1).
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * A body. Text is sent as UTF-8. A list is sent piece by piece, each piece as an event of its own.
 */
export type BodyPieces = string | Uint8Array | readonly (string | Uint8Array)[];

/** What a client sends. */
export interface ClientRequest {
  /** Default: `GET`, and `POST` with a body. */
  readonly method?: string;
  /** Sent unchanged. Default: `/`. */
  readonly path?: string;
  /**
   * With HTTP/2 `host` means `:authority`. Default: only the headers that the protocol requires.
   */
  readonly headers?: HeaderList;
  readonly body?: BodyPieces;
  readonly trailers?: HeaderList;
}

/** What a client got. */
export interface ClientResponse {
  /** 0 when the stream ended before any response. */
  readonly status: number;
  /** In order, including repeats, without pseudo-headers. */
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /** How it ended: `reset` when the stream was broken off, before the response or within it. */
  readonly end: "whole" | "reset";
  /** The first value of a header, in any case of its name. */
  header(name: string): string | undefined;
}

/** What reached an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** In order, including repeats; with HTTP/2 the pseudo-headers too. */
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /** The common name of the certificate that the client showed; absent unless TLS asks for one. */
  readonly clientCertificate?: string;
  /** The first value of a header, in any case of its name. */
  header(name: string): string | undefined;
}

/** What an upstream answers. */
export interface UpstreamResponse {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: HeaderList;
  readonly body?: BodyPieces;
  readonly trailers?: HeaderList;
  /** How long the upstream waits before it answers, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** The time between two pieces of the body, in milliseconds. Default: 0. */
  readonly pieceDelayMs?: number;
  /**
   * What goes wrong: `reset` breaks the stream off before any answer, `reset-in-body` after the
   * headers and the body so far, `never` leaves the request without an answer. Default: nothing. To
   * refuse connections, stop the upstream.
   */
  readonly fault?: "reset" | "reset-in-body" | "never";
}
