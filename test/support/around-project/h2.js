// A service of HTTP/2 without TLS, with the trailers of gRPC.

import http2 from "node:http2";

const server = http2.createServer();
server.on("stream", (stream, headers) => {
  if (headers[":path"] === "/echo.Echo/Missing")
    return stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "5" },
      { endStream: true },
    );
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.pipe(stream);
});
server.listen(8080);
