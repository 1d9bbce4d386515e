// Calls what a test names, in the protocol that it names, and answers with what came back.

import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

/** @typedef {URLSearchParams} Query */

const kinds = {
  /** @param {Query} query */
  async fetch(query) {
    const want = query.get("want");
    const response = await fetch(query.get("url") ?? "", {
      headers: want === null ? {} : { "x-want": want },
    });
    return { status: response.status, text: await response.text() };
  },

  /** HTTP/2 by prior knowledge. @param {Query} query */
  async h2(query) {
    const url = new URL(query.get("url") ?? "");
    const session = http2.connect(url.origin);
    const stream = session.request({
      ":method": "POST",
      ":path": url.pathname,
      "content-type": "application/grpc",
      te: "trailers",
    });
    /** @type {http2.IncomingHttpHeaders} */
    const got = {};
    stream.on("response", (headers) => Object.assign(got, headers));
    stream.on("trailers", (trailers) => Object.assign(got, trailers));
    stream.end(query.get("send") ?? "");
    let text = "";
    for await (const chunk of stream) text += chunk;
    session.close();
    return { status: got[":status"], text, grpc: got["grpc-status"] };
  },

  /** A WebSocket, whose bytes nobody reads on the way. @param {Query} query */
  ws(query) {
    return new Promise((resolve, reject) => {
      const request = http.get(query.get("url") ?? "", {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
      });
      request.on("error", reject);
      request.on("response", ({ statusCode }) => resolve({ status: statusCode }));
      request.on("upgrade", ({ statusCode }, socket) => {
        socket.write(query.get("send") ?? "");
        socket.once("data", (data) => {
          socket.destroy();
          resolve({ status: statusCode, text: String(data) });
        });
      });
    });
  },

  /** Waits for a greeting where nothing is to be sent. @param {Query} query */
  tcp(query) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(query.get("port")), query.get("host") ?? "");
      const send = query.get("send");
      if (send !== null) socket.write(send);
      socket.once("data", (data) => {
        socket.destroy();
        resolve({ text: String(data) });
      });
      socket.on("error", reject).on("end", () => resolve({ text: "" }));
    });
  },
};

http
  .createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://caller");
    const kind = pathname.slice(1);
    if (kind === "") return response.end("caller");
    // Bodies both ways, as they come.
    if (kind === "pipe") {
      const { method, headers } = request;
      const length = headers["content-length"];
      const sent = { method, headers: length === undefined ? {} : { "content-length": length } };
      const onward = http.request(searchParams.get("url") ?? "", sent, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", (error) => response.destroy(error));
      return request.pipe(onward);
    }
    const answer = await kinds[/** @type {keyof typeof kinds} */ (kind)](searchParams).catch((error) => ({
      error: error.cause?.code ?? error.code ?? error.message,
    }));
    response.end(JSON.stringify(answer));
  })
  .listen(8080);
