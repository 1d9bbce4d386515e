// A gRPC service's answer as an HTTP/2 upstream sends it.

import type { GrpcAnswer } from "../../kit/host/proxy-options.js";
import type { HeaderList, UpstreamResponse } from "../../kit/traffic.js";
import type { Scenario } from "./scenario.js";

/** The answer to a request that calls a method of the scenario; undefined for any other request. */
export function grpcAnswer({ grpc = {} }: Scenario, headers: HeaderList): UpstreamResponse | undefined {
  const path = headers.find(([name]) => name === ":path")?.[1] ?? "";
  const answer = Object.hasOwn(grpc, path) ? grpc[path] : undefined;
  return answer === undefined ? undefined : asResponse(answer);
}

function asResponse(answer: GrpcAnswer): UpstreamResponse {
  const { messages = [], initialMetadata = [], trailingMetadata = [], status = 0, message = "" } = answer;
  const said: HeaderList = message === "" ? [] : [["grpc-message", message]];
  return {
    headers: [["content-type", "application/grpc"], ...initialMetadata],
    body: messages.map(framed),
    trailers: [["grpc-status", `${status}`], ...said, ...trailingMetadata],
    ...(answer.delayMs === undefined ? {} : { delayMs: answer.delayMs }),
  };
}

/** The message uncompressed, after its length. */
function framed(message: string | Uint8Array): Buffer {
  const bytes = Buffer.from(message as string);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
