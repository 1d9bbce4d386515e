// gRPC calls of filters that a service answers: what the module is told, in which order, and what
// it can read at that time.

import type { GrpcAnswer } from "../../../kit/host/proxy-options.js";
import { probe, type Scenario } from "../scenario.js";

const PATH = "/test.Echo/Say";
const CALL = "gcall other test.Echo Say x-meta=1 hello 1000";
const STREAM = "gstream other test.Echo Say x-meta=1; gsend #0 hello 1";
const GO_ON = "eff stream; cont 0";

const ANSWERS: Readonly<Record<string, GrpcAnswer>> = {
  "a message": { messages: ["answer"] },
  "an empty message": { messages: [""] },
  "a long message": { messages: ["x".repeat(3_000)] },
  "a message with metadata": {
    messages: ["answer"],
    initialMetadata: [["x-first", "1"]],
    trailingMetadata: [["x-last", "2"]],
  },
  "a failure": { status: 7, message: "not you" },
  "a failure without a message": { status: 5 },
  "a failure after a message": { messages: ["answer"], status: 13, message: "broken" },
  "a late message": { messages: ["answer"], delayMs: 60 },
};

function answered(kind: string, call: string, [name, answer]: readonly [string, GrpcAnswer]): Scenario {
  return {
    name: `gRPC ${kind}: ${name}`,
    filters: [
      probe("a", {
        qh: `ret 1; ${call}`,
        gim: "pairs 4; get 4 x-first",
        grx: `bodysize 5; body 5 0 9; ${kind === "call" ? GO_ON : "status"}`,
        gtm: "pairs 5; get 5 x-first",
        gcl: `status; ${GO_ON}`,
      }),
    ],
    grpc: { [PATH]: answer },
    patienceMs: 400,
  };
}

const of = (kind: string, call: string) => Object.entries(ANSWERS).map((each) => answered(kind, call, each));

export const GRPC_CALLS: readonly Scenario[] = [
  ...of("call", CALL),
  ...of("stream", STREAM),
  answered("stream", STREAM, ["several messages", { messages: ["one", "two", "three"], status: 0 }]),
  answered("call", "gcall other test.Echo Say ~ hello 50", ["no answer in time", { delayMs: 300 }]),
  answered("call", `${CALL}; gcancel #0; gcancel #0; later 60; cont 0`, [
    "given up",
    { messages: ["answer"] },
  ]),
];
