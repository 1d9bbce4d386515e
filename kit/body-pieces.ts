// The pieces of a body, as the in-process host, the harness and the scenarios take them.

import type { BodyPieces } from "./traffic.js";

/** Whether the body goes at once, and its length is therefore known. */
export function isOnePiece(body: BodyPieces): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array;
}

/** The pieces as they were given, empty ones too. */
export function listOf(body: BodyPieces | undefined): readonly (string | Uint8Array)[] {
  if (body === undefined) return [];
  return isOnePiece(body) ? [body] : body;
}

/** The pieces as bytes: text is UTF-8. An empty one is none. */
export function piecesOf(body: BodyPieces | undefined): readonly Buffer[] {
  return listOf(body)
    .map((piece) => Buffer.from(piece as string))
    .filter((piece) => piece.length > 0);
}
