// The same filter in stock Envoy: what the in-process host lets through, a proxy must take too.

import type { Json } from "../../envoy/config/json.js";
import { send } from "../harness/client.js";
import { startEnvoy, type TestEnvoy } from "../harness/envoy.js";
import { rawHttp1 } from "../harness/raw-http1.js";
import { startUpstream } from "../harness/upstream.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { readmeExamples } from "./readme.js";
import type { Script } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const REQUESTS = 200;
const CONFIGURATIONS = 4;
const REFUSALS = 5;
/** What Envoy logs when a VM has ended. */
const VM_ENDED = /Function: proxy_on_\w+ failed|Uncaught RuntimeError/;
/** Headers that say where a request ends: this client writes its own. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "host", "upgrade"]);

export const envoyChecks: readonly Check[] = [
  {
    name: "takes its README's examples, refuses what it must, and serves on",
    run: (subject) =>
      withEnvoy(subject, async (envoy) => {
        for (const example of readmeExamples(subject.readme)) {
          const result = await envoy.configure(subject.name, example as Json);
          if (!result.accepted) broken(`Envoy refuses ${shown(example, 500)}: ${result.reason}`);
        }
        for (const [document] of subject.facts.refused.slice(0, REFUSALS)) {
          const { accepted } = await envoy.configure(subject.name, document as Json);
          if (accepted) broken(`Envoy takes ${shown(document)}`);
          const { status } = await send(envoy.url);
          if (status === 500 || status === 503)
            broken(`after the refused ${shown(document)} it answers ${status}`);
        }
      }),
  },
  {
    name: `serves ${REQUESTS} random requests without a trap`,
    run: (subject) =>
      withEnvoy(subject, async (envoy) => {
        const random = new Random(subject.seed);
        const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
        for (let i = 0; i < REQUESTS; i++) {
          if (i % (REQUESTS / CONFIGURATIONS) === 0)
            await envoy.configure(subject.name, random.pick(subject.facts.accepted) as Json);
          const script = maker.script();
          await rawHttp1(envoy.port, bytesOf(script));
          const line = trapLine(envoy);
          if (line !== undefined)
            broken(`${line}\nMESHWRIGHT_SEED=${subject.seed} repeats it.\nrequest: ${shown(script, 2000)}`);
        }
      }),
  },
];

async function withEnvoy(subject: Subject, use: (envoy: TestEnvoy) => Promise<void>): Promise<void> {
  await using upstream = await startUpstream();
  await using envoy = await startEnvoy({
    filters: [
      { name: subject.name, module: subject.modulePath, configuration: subject.facts.accepted[0] as Json },
    ],
    upstreams: { upstream },
  });
  await use(envoy);
}

/** The line in which Envoy says that a VM has ended. */
function trapLine(envoy: TestEnvoy): string | undefined {
  return envoy
    .logs()
    .split("\n")
    .find((line) => VM_ENDED.test(line));
}

/** The request of a script as HTTP/1.1, on a connection that ends with it. */
function bytesOf({ headers, events }: Script): Buffer {
  const pseudo = (name: string, fallback: string) =>
    headers.find(([other]) => other === name)?.[1] ?? fallback;
  const method = pseudo(":method", "GET").replace("CONNECT", "GET");
  const lines = headers.filter(([name]) => !name.startsWith(":") && !FRAMING.has(name));
  const body = events.map((event) => (event.kind === "request-body" ? event.bytes : "")).join("");
  const head = [
    `${method} ${pseudo(":path", "/")} HTTP/1.1`,
    `host: ${pseudo(":authority", "test")}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
    "connection: close",
    `content-length: ${body.length}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
}
