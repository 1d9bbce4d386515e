// The pieces of a body, as the in-process host, the harness and the scenarios use them.

import type { BodyPieces } from "./traffic.js";

/** Whether the body is sent in one piece, so that its length is known from the start. */
export function isOnePiece(body: BodyPieces): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array;
}

/** The pieces as they were given, including empty ones. */
export function listOf(body: BodyPieces | undefined): readonly (string | Uint8Array)[] {
  if (body === undefined) return [];
  return isOnePiece(body) ? [body] : body;
}

/** The pieces as bytes, text as UTF-8. Empty pieces are left out. */
export function piecesOf(body: BodyPieces | undefined): readonly Buffer[] {
  return listOf(body)
    .map((piece) => Buffer.from(piece as string))
    .filter((piece) => piece.length > 0);
}
