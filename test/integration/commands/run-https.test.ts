// `meshwright run` before servers that speak TLS: which host it asks for, and which certificates it
// trusts.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { isMissing, needs } from "../../support/tools.js";
import { CliProcess } from "./cli-process.js";

/** Five starts on a machine that is busy with other tests. */
const TEST_MS = 100_000;

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "run-https-")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A TLS server that answers with the host that the client asked for. */
async function serveTls(identity: { readonly key: Buffer; readonly cert: Buffer }) {
  const server = createServer(identity, (request, response) => response.end(request.headers.host));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { port, [Symbol.dispose]: () => void server.close() };
}

describe.skipIf(isMissing("openssl"))(
  `meshwright run before https ${needs("openssl")}`,
  { timeout: TEST_MS },
  () => {
    const ask = async (upstream: string, ...options: string[]) => {
      await using command = new CliProcess(
        ["run", "--port", "0", "--upstream", upstream, ...options],
        folder,
      );
      const [, front = ""] = await command.until(/listens on (http:[^,]+),/);
      const response = await fetch(front);
      return { status: response.status, body: await response.text() };
    };

    it("asks for the host of the URL, and trusts only a certificate for it from a trusted authority", async () => {
      const authority = makeAuthority(folder);
      using named = await serveTls(await authority.issue("named", "DNS:localhost"));
      using numbered = await serveTls(await authority.issue("numbered", "IP:127.0.0.1"));
      const ca = ["--ca", authority.caFile];
      const byName = `https://localhost:${named.port}`;
      const answers = await Promise.all([
        ask(byName, ...ca),
        ask(`https://127.0.0.1:${numbered.port}`, ...ca),
        ask(byName, ...ca, "--host-rewrite", "shop.example"),
        ask(`https://127.0.0.1:${named.port}`, ...ca),
        ask(byName),
      ]);
      const refused = { status: 503, body: expect.stringMatching(/^upstream connect error/) };
      expect(answers).toEqual([
        { status: 200, body: `localhost:${named.port}` },
        { status: 200, body: `127.0.0.1:${numbered.port}` },
        { status: 200, body: "shop.example" },
        refused,
        refused,
      ]);
    });
  },
);
