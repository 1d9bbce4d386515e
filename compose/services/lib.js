// What the demo's HTTP services share: a server that calls the next services and answers with what
// happened on the way. It needs nothing but Node, so a service is one file and a command.

import http from "node:http";
import { listen, service, version } from "./listen.js";

/**
 * The headers that a service passes on to the services that it calls. Without them a trace ends
 * here, and later rules cannot see the user.
 */
const HANDED_ON =
  /^(traceparent|tracestate|b3|x-b3-[a-z]+|x-trace-id|x-request-id|x-user-[a-z-]+|end-user|cookie)$/;
const CALL_TIMEOUT_MS = 5_000;
const agent = new http.Agent({ keepAlive: true });

/**
 * @typedef {(url: string, headers: Record<string, string>) => Promise<object>} Ask
 */

/**
 * Serves one service of the demo on 127.0.0.1. The mesh sets the variables PORT, SERVICE_NAME and
 * SERVICE_VERSION, and `<SERVICE>_URL` for each called service.
 *
 * @param {object} options
 * @param {readonly string[]} options.calls the services that it calls, with the path of its own
 * request, before it answers
 * @param {(version: string) => Record<string, Ask>} [options.asks] other services that it asks
 * before it answers, each in its own way
 * @param {(version: string) => object} options.answer what the service itself has to say
 */
export function serve({ calls, asks = () => ({}), answer }) {
  const server = http.createServer(async (request, response) => {
    request.resume();
    const path = request.url ?? "/";
    if (path === "/healthz") return send(response, 200, { service, version, healthy: true });
    const headers = handedOn(request.headers);
    const pending = [
      ...calls.map((name) => call(name, (url) => get(new URL(url), path, headers))),
      ...Object.entries(asks(version)).map(([name, ask]) => call(name, (url) => ask(url, headers))),
    ];
    const results = await Promise.all(pending);
    const status = results.some(([, result]) => isFailure(result)) ? 502 : 200;
    const called = Object.fromEntries(results);
    send(response, status, { service, version, ...answer(version), headers, calls: called });
  });
  listen(server);
}

/** @param {{ status?: number, error?: string }} result */
function isFailure(result) {
  return result.error !== undefined || (result.status ?? 200) >= 500;
}

/**
 * @param {http.IncomingHttpHeaders} headers
 * @returns {Record<string, string>}
 */
function handedOn(headers) {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      HANDED_ON.test(name) && value !== undefined ? [[name, String(value)]] : [],
    ),
  );
}

/**
 * Calls a service and returns its name and answer. A failure is a value too, because the caller
 * still answers.
 *
 * @param {string} name
 * @param {(url: string) => Promise<object>} how
 * @returns {Promise<[name: string, result: { status?: number, error?: string }]>}
 */
async function call(name, how) {
  const variable = `${name.toUpperCase().replaceAll("-", "_")}_URL`;
  const url = process.env[variable];
  if (url === undefined) return [name, { error: `${variable} is not set` }];
  try {
    return [name, await how(url)];
  } catch (error) {
    return [name, { error: error instanceof Error ? error.message : String(error) }];
  }
}

/**
 * @param {URL} url
 * @param {string} path
 * @param {Record<string, string>} headers
 * @returns {Promise<object>}
 */
function get({ hostname, port }, path, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { hostname, port, path, headers, agent, timeout: CALL_TIMEOUT_MS },
      (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve(read(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
      },
    );
    request.on("timeout", () => request.destroy(new Error(`no answer within ${CALL_TIMEOUT_MS / 1000} s`)));
    request.on("error", reject);
  });
}

/**
 * @param {number} status
 * @param {string} body
 */
function read(status, body) {
  try {
    return status === 200 ? JSON.parse(body) : { status, ...JSON.parse(body) };
  } catch {
    return { status, error: body.slice(0, 200) };
  }
}

/**
 * @param {http.ServerResponse} response
 * @param {number} status
 * @param {object} body
 */
export function send(response, status, body) {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
