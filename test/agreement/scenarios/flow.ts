// How streams flow through chains: what is held and continues, what ends early, and what the
// filters before and after see of it.

import type { BodyPieces, ClientRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { type Plan, probe, type Scenario } from "../scenario.js";

type Way = "request" | "response";

/**
 * What a filter does in one direction, with h for headers, b for bodies and t for trailers. `cont`
 * takes the stream's number.
 */
const DEEDS: Readonly<Record<string, (letter: string, stream: number) => Plan>> = {
  "pauses at the headers": (letter, stream) => ({ [`${letter}h`]: `ret 1; later 60; cont ${stream}` }),
  "pauses everything at the headers": (letter, stream) => ({
    [`${letter}h`]: `ret 3; later 60; cont ${stream}`,
  }),
  "pauses with a watermark": (letter, stream) => ({ [`${letter}h`]: `ret 4; later 60; cont ${stream}` }),
  "ends the stream at the headers": (letter) => ({ [`${letter}h`]: "ret 2" }),
  "collects the body": (letter, stream) => ({
    [`${letter}b`]: `ret 1; body ${stream} 0 100`,
    [`${letter}b$`]: `body ${stream} 0 100`,
  }),
  "collects the body and replaces it": (letter, stream) => ({
    [`${letter}b`]: "ret 1",
    [`${letter}b$`]: `body ${stream} 0 100; write ${stream} 0 1000 new; body ${stream} 0 100`,
    [`${letter}t`]: `write ${stream} 0 1000 new`,
  }),
  "appends to every piece": (letter, stream) => ({ [`${letter}b`]: `write ${stream} 1000 0 +` }),
  "prepends to every piece": (letter, stream) => ({ [`${letter}b`]: `write ${stream} 0 0 +` }),
  "replaces every piece": (letter, stream) => ({ [`${letter}b`]: `write ${stream} 0 1000 piece` }),
  "empties every piece": (letter, stream) => ({ [`${letter}b`]: `write ${stream} 0 1000 ~` }),
  "writes into the middle": (letter, stream) => ({
    [`${letter}b`]: `write ${stream} 1 1 x; body ${stream} 0 9`,
  }),
  "drops the first piece": (letter) => ({ [`${letter}b1`]: "ret 3" }),
  "holds the first piece with a watermark": (letter) => ({ [`${letter}b1`]: "ret 2" }),
  "holds the first piece and goes on later": (letter, stream) => ({
    [`${letter}b1`]: `ret 1; later 60; cont ${stream}`,
  }),
  "holds the end and edits it later": (letter, stream) => ({
    [`${letter}b`]: "ret 1",
    [`${letter}b$`]: `ret 1; later 60; body ${stream} 0 100; write ${stream} 0 1000 late; cont ${stream}`,
  }),
  "pauses at the trailers": (letter, stream) => ({ [`${letter}t`]: `ret 1; later 60; cont ${stream}` }),
  "adds trailers in the body": (letter, stream) => ({
    [`${letter}b$`]: `add ${stream * 2 + 1} x-added 1; size ${stream * 2 + 1}`,
  }),
  "edits headers after the pause": (letter, stream) => ({
    [`${letter}h`]: `ret 1; later 60; set ${stream * 2} x-late 1; get ${stream * 2} x-late; cont ${stream}`,
  }),
  "edits headers in the body": (letter, stream) => ({
    [`${letter}b`]: `set ${stream * 2} x-late 1; get ${stream * 2} x-late`,
  }),
  "answers at the headers": (letter) => ({ [`${letter}h`]: "reply 418 no no x-reply=1; ret 1" }),
  "answers after a pause": (letter) => ({ [`${letter}h`]: "ret 1; later 60; reply 418 no no x-reply=1" }),
  "answers at the end of the body": (letter) => ({
    [`${letter}b`]: "ret 1",
    [`${letter}b$`]: "reply 418 no no x-reply=1; ret 1",
  }),
  "returns an unknown status": (letter) => ({
    [`${letter}h`]: "ret 9",
    [`${letter}b`]: "ret 9",
    [`${letter}t`]: "ret 9",
  }),
  "continues what is not paused": (letter, stream) => ({ [`${letter}b2`]: `cont ${stream}` }),
};

const BODY: BodyPieces = ["one", "three"];
const SHAPES: Readonly<Record<string, Pick<ClientRequest & UpstreamResponse, "body" | "trailers">>> = {
  "headers alone": {},
  "a body": { body: BODY },
  "a body and trailers": { body: BODY, trailers: [["x-in", "t"]] },
};

/** Here a response that has begun and one that answers it race on the wire. */
const isRace = (way: Way, deed: string) => way === "response" && deed === "answers at the end of the body";

function flows(way: Way): readonly Scenario[] {
  const [letter, stream] = way === "request" ? (["q", 0] as const) : (["s", 1] as const);
  return Object.entries(DEEDS).flatMap(([deed, planOf]) =>
    Object.entries(SHAPES)
      .filter(() => !isRace(way, deed))
      .map(([shape, message]): Scenario => {
        const { body, trailers } = message;
        const sent = {
          ...(body === undefined ? {} : { body }),
          ...(trailers === undefined ? {} : { trailers }),
        };
        return {
          name: `a filter ${deed}, ${way} with ${shape}`,
          filters: [probe("a"), probe("b", planOf(letter, stream)), probe("c")],
          requests: [way === "request" ? sent : {}],
          answers: { upstream: [way === "response" ? sent : { body: "whole" }] },
          patienceMs: 500,
          // The tick comes after the stream's end.
          ...(deed.endsWith("goes on later") ? { restMs: 80 } : {}),
        };
      }),
  );
}

export const FLOW: readonly Scenario[] = [...flows("request"), ...flows("response")];
