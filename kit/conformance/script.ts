// One stream as a script that can be replayed: what comes in on both sides, in order, and the
// outcome.

import { listOf } from "../body-pieces.js";
import type { LocalReply } from "../host/context.js";
import type { HttpStream } from "../host/http-stream.js";
import type { HostedModule } from "../host/load.js";
import type { PropertyValue } from "../host/property.js";
import type { Received } from "../host/received.js";
import type { BodyPieces, HeaderList } from "../traffic.js";
import type { FilterRequest } from "./facts.js";
import type { Random } from "./random-documents.js";

/**
 * An event of a stream after its request headers. The characters of a body are its bytes (latin1).
 */
export type StreamEvent =
  | { readonly kind: "request-body" | "response-body"; readonly bytes: string; readonly end: boolean }
  | { readonly kind: "request-trailers" | "response-trailers"; readonly headers: HeaderList }
  | { readonly kind: "response-headers"; readonly headers: HeaderList; readonly end: boolean }
  /**
   * Answers every waiting call of the filter with this HTTP status and these bytes (latin1, default
   * `answer`). Status 0 makes the calls fail.
   */
  | { readonly kind: "answer"; readonly status: number; readonly bytes?: string }
  | { readonly kind: "advance"; readonly ms: number };

/** A stream. It is closed after its last event, complete or not. */
export interface Script {
  /** Includes the pseudo-headers. */
  readonly headers: HeaderList;
  readonly end: boolean;
  readonly events: readonly StreamEvent[];
  readonly properties: Readonly<Record<string, PropertyValue>>;
}

/** What came out on one side. */
interface Side {
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  readonly isWhole: boolean;
}

/** What a filter did with a stream. */
export interface Outcome {
  readonly upstream: Side;
  readonly client: Side;
  readonly localReply: LocalReply | undefined;
  readonly wasReset: boolean;
}

/** Plays the script to its end. Throws when the module traps. */
export function play(module: HostedModule, script: Script, plugin?: string): Outcome {
  const stream = begin(module, script, plugin);
  for (const event of script.events) happen(module, stream, event);
  stream.close();
  answerCalls(module, 0);
  return outcomeOf(stream);
}

/**
 * Plays scripts side by side, several open at once. The outcomes are in the order of the scripts.
 */
export function playTogether(module: HostedModule, scripts: readonly Script[], random: Random): Outcome[] {
  const outcomes: Outcome[] = [];
  const open: { readonly at: number; readonly stream: HttpStream; readonly events: StreamEvent[] }[] = [];
  for (let next = 0; next < scripts.length || open.length > 0; ) {
    const script = scripts[next];
    if (script !== undefined && (open.length === 0 || (open.length < AT_ONCE && random.below(2) === 0))) {
      open.push({ at: next++, stream: begin(module, script), events: [...script.events] });
      continue;
    }
    const turn = random.below(open.length);
    const { at, stream, events } = open[turn] as (typeof open)[number];
    const event = events.shift();
    if (event !== undefined) {
      happen(module, stream, event);
      continue;
    }
    open.splice(turn, 1);
    stream.close();
    outcomes[at] = outcomeOf(stream);
  }
  answerCalls(module, 0);
  return outcomes;
}

/** Opens the stream of a script, before its events. */
export function begin(module: HostedModule, script: Script, plugin?: string): HttpStream {
  const { headers, end, properties } = script;
  return module.open(headers, { endOfStream: end, properties, ...(plugin === undefined ? {} : { plugin }) });
}

function happen(module: HostedModule, stream: HttpStream, event: StreamEvent): void {
  if (event.kind === "advance") module.advance(event.ms);
  else if (event.kind === "answer") answerCalls(module, event.status, event.bytes);
  else if (!stream.isClosed && stream.localReply === undefined) arrive(stream, event);
}

function arrive(
  stream: HttpStream,
  event: Exclude<StreamEvent, { readonly kind: "advance" | "answer" }>,
): void {
  switch (event.kind) {
    case "request-body":
      stream.requestBody(Buffer.from(event.bytes, "latin1"), event.end);
      break;
    case "request-trailers":
      stream.requestTrailers(event.headers);
      break;
    case "response-headers":
      stream.responseHeaders(event.headers, event.end);
      break;
    case "response-body":
      stream.responseBody(Buffer.from(event.bytes, "latin1"), event.end);
      break;
    case "response-trailers":
      stream.responseTrailers(event.headers);
  }
}

/**
 * Answers the calls that wait now. Calls that the filter makes upon an answer wait for the next
 * event.
 */
function answerCalls(module: HostedModule, status: number, bytes = "answer"): void {
  const body = Buffer.from(bytes, "latin1");
  for (const call of module.httpCalls) {
    if (status === 0) call.fail();
    else call.respond({ headers: [[":status", `${status}`]], body });
  }
  for (const call of module.grpcCalls) {
    if (status === 200) call.sendMessage(body);
    call.close(status === 200 ? 0 : 14);
  }
}

function outcomeOf(stream: HttpStream): Outcome {
  return {
    upstream: sideOf(stream.upstream),
    client: sideOf(stream.client),
    localReply: stream.localReply,
    wasReset: stream.wasReset,
  };
}

function sideOf(received: Received): Side {
  return {
    headers: received.headerList,
    body: received.chunks.length === 0 ? "" : received.body.toString("latin1"),
    trailers: received.trailerList,
    isWhole: received.isWhole,
  };
}

/** How many streams `playTogether` has open. */
const AT_ONCE = 10;
const RESPONSE_STATUS = 200;

/** The script of a request that an author gave. */
export function scriptOf(request: FilterRequest): Script {
  const { method = request.body === undefined ? "GET" : "POST", path = "/", headers = [] } = request;
  const { properties = {}, response = {}, answer } = request;
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "test";
  const rest = headers
    .filter(([name]) => name.toLowerCase() !== "host")
    .map(([name, value]) => [name.toLowerCase(), value] as const);
  const asked = follow("request", bytesOf(request.body), request.trailers);
  const answered = follow("response", bytesOf(response.body), response.trailers);
  const status = [":status", `${response.status ?? RESPONSE_STATUS}`] as const;
  return {
    headers: [[":method", method], [":path", path], [":authority", host], [":scheme", "http"], ...rest],
    end: asked.length === 0,
    properties,
    events: [
      ...asked,
      ...bytesOf(answer).map((bytes) => ({ kind: "answer", status: RESPONSE_STATUS, bytes }) as const),
      {
        kind: "response-headers",
        headers: [status, ...(response.headers ?? [])],
        end: answered.length === 0,
      },
      ...answered,
    ],
  };
}

/** The events that follow the headers of one side. */
export function follow(
  side: "request" | "response",
  pieces: readonly string[],
  trailers: HeaderList | undefined,
): StreamEvent[] {
  const events: StreamEvent[] = pieces.map((bytes, i) => ({
    kind: `${side}-body`,
    bytes,
    end: trailers === undefined && i === pieces.length - 1,
  }));
  if (trailers !== undefined) events.push({ kind: `${side}-trailers`, headers: trailers });
  return events;
}

/** Bytes in the script's form, latin1. */
function bytesOf(body: BodyPieces | undefined): readonly string[] {
  return listOf(body).map((piece) => Buffer.from(piece as string).toString("latin1"));
}
