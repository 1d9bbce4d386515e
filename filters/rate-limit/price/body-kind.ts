// Whether the body of an answer can be read for its cost, and how.

import { Bytes, lower, responseHeaders } from "../../../assembly";

export enum BodyKind {
  /** Encoded, or something else than JSON. */
  Unreadable,
  /** One JSON document, or several in a row. */
  Json,
  /** Server-sent events, each of them a JSON document. */
  Events,
}

const CONTENT_TYPE = Bytes.of("content-type");
const CONTENT_ENCODING = Bytes.of("content-encoding");
const IDENTITY = Bytes.of("identity");
const EVENTS = Bytes.of("text/event-stream");
const JSON_WORD = Bytes.of("json");
const SEMICOLON: u8 = 0x3b;

/** What the answer's headers say of its body, in their callback. Two host calls at most. */
export function bodyKind(): BodyKind {
  const encoding = responseHeaders.all(CONTENT_ENCODING);
  if (encoding && !isSame(encoding, 0, IDENTITY)) return BodyKind.Unreadable;
  const type = responseHeaders.get(CONTENT_TYPE);
  if (!type) return BodyKind.Unreadable;
  if (isSame(type, 0, EVENTS)) return BodyKind.Events;
  let end = type.indexOf(SEMICOLON);
  if (end < 0) end = type.size;
  // `application/json`, `application/problem+json`, `application/x-ndjson`
  for (let i = 0; i + JSON_WORD.size <= end; i++) if (isSame(type, i, JSON_WORD)) return BodyKind.Json;
  return BodyKind.Unreadable;
}

/** Whether the text has that word at that place, in any case. */
function isSame(text: Bytes, from: i32, word: Bytes): bool {
  if (from + word.size > text.size) return false;
  for (let i = 0; i < word.size; i++) {
    if (lower(text.at(from + i)) != word.at(i)) return false;
  }
  return true;
}
