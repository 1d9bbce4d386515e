// What a client sends and gets, and what an upstream gets and answers: the same words for the
// in-process host and for stock Envoy, so that one test can be held against both.

/**
 * A header map as it travels: names and values in order, repeated names included. A value's
 * characters are its bytes (latin1).
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * A body: text is sent as UTF-8; a list is sent piece by piece, each piece as an event of its own.
 */
export type BodyPieces = string | Uint8Array | readonly (string | Uint8Array)[];

/** What a client sends. */
export interface ClientRequest {
  /** Default: `GET`, and `POST` with a body. */
  readonly method?: string;
  /** Sent as it is. Default: `/`. */
  readonly path?: string;
  /**
   * `host` stands for `:authority` with HTTP/2. Default: none but those that the protocol demands.
   */
  readonly headers?: HeaderList;
  readonly body?: BodyPieces;
  readonly trailers?: HeaderList;
}

/** What a client got. */
export interface ClientResponse {
  /** 0 where the stream ended before any response. */
  readonly status: number;
  /** In their order, repeats included, without pseudo-headers. */
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /** How it ended: `reset` when the stream was broken off, before the response or within it. */
  readonly end: "whole" | "reset";
  /** The first value of a header, whatever the case of its name. */
  header(name: string): string | undefined;
}

/** What reached an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** In their order, repeats included; with HTTP/2 the pseudo-headers too. */
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /**
   * The common name of the certificate that the client showed; absent without TLS that asks for
   * one.
   */
  readonly clientCertificate?: string;
  /** The first value of a header, whatever the case of its name. */
  header(name: string): string | undefined;
}

/** What an upstream answers. */
export interface UpstreamResponse {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: HeaderList;
  readonly body?: BodyPieces;
  readonly trailers?: HeaderList;
  /** How long it waits before it answers, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** Between the pieces of a body, in milliseconds. Default: 0. */
  readonly pieceDelayMs?: number;
  /**
   * What goes wrong: `reset` breaks the stream off before any answer, `reset-in-body` after the
   * headers and the body so far, `never` leaves the request without an answer. Default: nothing.
   * (An upstream that refuses connections is one that was stopped.)
   */
  readonly fault?: "reset" | "reset-in-body" | "never";
}
