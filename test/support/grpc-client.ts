// One gRPC call over HTTP/2 by prior knowledge, as a service makes it. Messages are bytes.

import { once } from "node:events";
import http2 from "node:http2";

export interface GrpcAnswer {
  readonly messages: readonly string[];
  /** From the trailers, or from the headers of an answer of trailers only. */
  readonly status: number;
  readonly message: string;
}

const PATIENCE_MS = 20_000;

/** Sends one message, and settles with the whole answer. */
export async function callGrpc(
  url: string,
  path: string,
  message: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<GrpcAnswer> {
  const session = http2.connect(url);
  try {
    await once(session, "connect");
    session.on("error", () => {});
    const stream = session.request(
      { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...metadata },
      { signal: AbortSignal.timeout(PATIENCE_MS) },
    );
    let end: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (trailers) => {
      end = trailers;
    });
    stream.end(framed(message));
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    const { "grpc-status": status, "grpc-message": text = "" } = { ...headers, ...end };
    return { messages: unframed(Buffer.concat(chunks)), status: Number(status), message: String(text) };
  } finally {
    session.destroy();
  }
}

function framed(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

function unframed(data: Buffer): string[] {
  if (data.length < 5) return [];
  const end = 5 + data.readUInt32BE(1);
  return [data.subarray(5, end).toString(), ...unframed(data.subarray(end))];
}
