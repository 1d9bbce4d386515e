// The same filter in stock Envoy: what passes in the in-process host must pass in a proxy too.

import { setTimeout as sleep } from "node:timers/promises";
import type { Json } from "../../envoy/config/json.js";
import { send } from "../envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../envoy/envoy.js";
import { rawHttp1 } from "../envoy/raw-http1.js";
import { startUpstream } from "../envoy/upstream.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { readmeExamples } from "./readme.js";
import type { Script } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

/** How many requests each of the configurations gets. */
const REQUESTS = 50;
const CONFIGURATIONS = 4;
const REFUSALS = 5;
/** What Envoy logs when a VM has ended in a trap. */
const VM_ENDED = /Function: proxy_on_\w+ failed|Uncaught RuntimeError/;
/** How long after the answer to a request the log line about it may still come, in milliseconds. */
const LATE_LINE_MS = 500;
const POLL_MS = 20;
/** How many requests before that line may be its cause. Each of them is tried alone. */
const MOST_SUSPECTS = 10;
/** Headers that say where a request ends. This client writes its own. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "host", "upgrade"]);

export const envoyChecks: readonly Check[] = [
  {
    name: "takes its README's examples, refuses what it must, and continues to serve",
    run: (subject) =>
      withEnvoy(subject, subject.facts.accepted[0], async (envoy) => {
        for (const example of readmeExamples(subject.readme)) {
          const result = await envoy.configure(subject.name, example as Json);
          if (!result.accepted) broken(`Envoy refuses ${shown(example, 500)}: ${result.reason}`);
        }
        await envoy.configure(subject.name, subject.facts.accepted[0] as Json);
        const before = (await send(envoy.url)).status;
        for (const [document] of subject.facts.refused.slice(0, REFUSALS)) {
          const { accepted } = await envoy.configure(subject.name, document as Json);
          if (accepted) broken(`Envoy takes ${shown(document)}`);
          const { status } = await send(envoy.url);
          if (status !== before && (status === 500 || status === 503))
            broken(`after the refused ${shown(document)} it answers ${status}, but ${before} before`);
        }
      }),
  },
  {
    name: "serves random requests without a trap",
    async run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      for (let i = 0; i < subject.amount(CONFIGURATIONS); i++) {
        const configuration = random.pick(subject.facts.accepted);
        const scripts = Array.from({ length: REQUESTS }, () => maker.script());
        const ended = await serveAll(subject, configuration, scripts);
        if (ended !== undefined) await blame(subject, configuration, ended);
      }
    },
  },
];

interface Ended {
  /** The line in which Envoy says that a VM has ended. */
  readonly line: string;
  /** The requests that were served before the line was read, the latest last. */
  readonly served: readonly Script[];
}

/** Serves the requests by an Envoy of their own until a VM ends. */
async function serveAll(
  subject: Subject,
  configuration: unknown,
  scripts: readonly Script[],
): Promise<Ended | undefined> {
  return await withEnvoy(subject, configuration, async (envoy) => {
    for (const [i, script] of scripts.entries()) {
      await rawHttp1(envoy.port, bytesOf(script));
      const line = trapLine(envoy);
      if (line !== undefined) return { line, served: scripts.slice(0, i + 1) };
    }
    const line = await lateTrapLine(envoy);
    return line === undefined ? undefined : { line, served: scripts };
  });
}

/** Fails the check with the one request that ends a VM. */
async function blame(subject: Subject, configuration: unknown, { line, served }: Ended): Promise<never> {
  const about = `MESHWRIGHT_SEED=${subject.seed} repeats it.\nconfiguration: ${shown(configuration, 2000)}`;
  for (const script of served.slice(-MOST_SUSPECTS).reverse()) {
    const ended = await serveAll(subject, configuration, [script]);
    if (ended !== undefined) broken(`${ended.line}\n${about}\nrequest: ${shown(script, 2000)}`);
  }
  const last = shown(served.at(-1), 2000);
  broken(
    `${line}\n${about}\nnone of the last requests does it alone; ${served.length} were sent, the last one: ${last}`,
  );
}

async function withEnvoy<T>(
  subject: Subject,
  configuration: unknown,
  use: (envoy: TestEnvoy) => Promise<T>,
): Promise<T> {
  await using upstream = await startUpstream();
  await using envoy = await startEnvoy({
    filters: [{ name: subject.name, module: subject.modulePath, configuration: configuration as Json }],
    upstreams: { upstream },
  });
  return await use(envoy);
}

function trapLine(envoy: TestEnvoy): string | undefined {
  return envoy
    .logs()
    .split("\n")
    .find((line) => VM_ENDED.test(line));
}

async function lateTrapLine(envoy: TestEnvoy): Promise<string | undefined> {
  const deadline = performance.now() + LATE_LINE_MS;
  for (;;) {
    const line = trapLine(envoy);
    if (line !== undefined || performance.now() > deadline) return line;
    await sleep(POLL_MS);
  }
}

/** The request of a script as HTTP/1.1, on a connection that it closes. */
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
