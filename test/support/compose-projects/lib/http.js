// Servers and clients of JSON over HTTP.

import http from "node:http";
import { listen } from "./listen.js";

/**
 * @param {number} port
 * @param {(url: URL, body: string, request: http.IncomingMessage) => unknown} answer may throw
 */
export function serveJson(port, answer) {
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    let [status, value] = [200, /** @type {unknown} */ (undefined)];
    try {
      value = await answer(new URL(request.url ?? "/", "http://here"), body, request);
    } catch (error) {
      [status, value] = [502, { error: String(error) }];
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(value)}\n`);
  });
  listen(server, port);
  return server;
}

/** @param {string} url */
export async function getJson(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} says ${response.status}`);
  return response.json();
}
