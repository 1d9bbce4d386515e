// Plays an upstream's scripted answer on the test's clock: headers, pieces, trailers and faults.

import { isOnePiece, piecesOf } from "../body-pieces.js";
import type { HeaderList, UpstreamResponse } from "../traffic.js";
import type { Clock } from "./clock.js";
import { HeaderMap } from "./header-map.js";
import type { ResetReason } from "./retry.js";

/** The receiver of the answer. */
export interface AnswerSink {
  /** Whether nobody waits for the answer any more. */
  readonly isOver: boolean;
  responseHeaders(map: HeaderMap, end: boolean): void;
  responseData(bytes: Buffer, end: boolean): void;
  responseTrailers(map: HeaderMap): void;
  reset(reason: ResetReason): void;
  /** Does everything that the answer has caused. */
  settle(): void;
}

export interface Wire {
  readonly protocol: "http1" | "http2";
  /** The method of the request that is answered. */
  readonly method: string;
}

/** Plays the answer, starting now. */
export function play(answer: UpstreamResponse, sink: AnswerSink, clock: Clock, wire: Wire): void {
  const { delayMs = 0 } = answer;
  if (delayMs === 0) playNow(answer, sink, clock, wire);
  else
    clock.after(delayMs, () => {
      playNow(answer, sink, clock, wire);
      sink.settle();
    });
}

function playNow(answer: UpstreamResponse, sink: AnswerSink, clock: Clock, wire: Wire): void {
  if (sink.isOver || answer.fault === "never") return;
  const isHttp2 = wire.protocol === "http2";
  if (answer.fault === "reset") {
    sink.reset(isHttp2 ? "remote reset" : "connection termination");
    return;
  }
  const isBodiless = wire.method === "HEAD" || answer.status === 204 || answer.status === 304;
  const pieces = isBodiless ? [] : piecesOf(answer.body);
  const trailers = answer.trailers ?? [];
  const breaks = answer.fault === "reset-in-body";
  const isHeadersAlone = pieces.length === 0 && trailers.length === 0 && !breaks;
  sink.responseHeaders(responseHeaders(answer, clock, wire, isBodiless), isHeadersAlone);
  if (isHeadersAlone) return;
  const steps = pieces.map((piece) => () => sink.responseData(piece, false));
  if (breaks) steps.push(() => sink.reset(isHttp2 ? "remote reset" : "protocol error"));
  else if (trailers.length > 0) steps.push(() => sink.responseTrailers(new HeaderMap(lower(trailers))));
  // The end comes alone, after the last piece.
  else steps.push(() => sink.responseData(Buffer.alloc(0), true));
  runSteps(steps, 0, sink, clock, answer.pieceDelayMs ?? 0);
}

function runSteps(
  steps: readonly (() => void)[],
  from: number,
  sink: AnswerSink,
  clock: Clock,
  delayMs: number,
): void {
  for (let i = from; i < steps.length; i++) {
    if (delayMs > 0 && i > from) {
      clock.after(delayMs, () => {
        runSteps(steps, i, sink, clock, delayMs);
        sink.settle();
      });
      return;
    }
    if (sink.isOver) return;
    steps[i]?.();
  }
}

function responseHeaders(answer: UpstreamResponse, clock: Clock, wire: Wire, isBodiless: boolean): HeaderMap {
  const map = new HeaderMap([[":status", `${answer.status ?? 200}`]]);
  for (const [name, value] of answer.headers ?? []) map.add(name, value);
  if (map.get("date") === undefined) map.add("date", dateText(clock));
  if (wire.protocol === "http2") return map;
  // Node's server writes it so, as do most others.
  if (map.get("connection") === undefined) map.add("connection", "keep-alive");
  if (isBodiless) return map;
  if (map.get("content-length") !== undefined || map.get("transfer-encoding") !== undefined) return map;
  const { body } = answer;
  if (
    (body === undefined || isOnePiece(body)) &&
    answer.trailers === undefined &&
    answer.fault === undefined
  ) {
    map.add("content-length", `${body === undefined ? 0 : Buffer.byteLength(body as string)}`);
  } else map.add("transfer-encoding", "chunked");
  return map;
}

export function lower(list: HeaderList): HeaderList {
  return list.map(([name, value]) => [name.toLowerCase(), value]);
}

let lastSecond = -1;
let lastText = "";

/** The clock's time as HTTP writes it. */
export function dateText(clock: Clock): string {
  const second = Math.floor(clock.milliseconds / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toUTCString();
  }
  return lastText;
}
