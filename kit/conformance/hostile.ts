// Nothing that a stranger sends or that a host answers ends the VM.

import type { HeaderList } from "../traffic.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { report, trapText, wrongWith } from "./random-requests.js";
import { ScriptMaker } from "./random-scripts.js";
import { follow, play, type Script, scriptOf } from "./script.js";
import type { Subject } from "./subject.js";
import { type Vocabulary, vocabularyOf } from "./vocabulary.js";

const MEGABYTE = 1024 * 1024;
/**
 * The statuses with which a host call may fail: NotFound, BadArgument, InternalFailure and
 * Unimplemented.
 */
const FAILURES = [1, 2, 10, 12];
/**
 * The SDK treats a failure of this call as a broken invariant, since it fails only for memory that
 * does not exist.
 */
const NEVER_FAILS = new Set(["random_get"]);
const FAULTY_STREAMS = 10_000;
const STREAMS_A_CALL = 30;
/** How many configurations meet the requests of many megabytes. */
const MOST_CONFIGURATIONS = 3;

export const hostileChecks: readonly Check[] = [
  {
    name: "takes headers that no client should send, under each configuration",
    run(subject) {
      const scripts = oddHeaders(vocabularyOf(subject.facts)).map(withHeaders);
      const { accepted } = subject.facts;
      for (const configuration of subject.sample(subject.amount(accepted.length)))
        playAll(subject, configuration, scripts);
    },
  },
  {
    name: "takes ten megabytes in a header and a thousand headers",
    run(subject) {
      const scripts = hugeHeaders(vocabularyOf(subject.facts)).map(withHeaders);
      for (const configuration of subject.sample(subject.amount(MOST_CONFIGURATIONS)))
        playAll(subject, configuration, scripts);
    },
  },
  {
    name: "takes huge bodies, odd pieces and streams that end early",
    run(subject) {
      for (const configuration of subject.sample(subject.amount(MOST_CONFIGURATIONS)))
        playAll(subject, configuration, bodies());
    },
  },
  {
    name: "goes on when any one host call always fails",
    run(subject) {
      const { scripts, calls } = callsInUse(subject);
      for (const call of calls) {
        for (const status of FAILURES) underFailure(subject, scripts, call, status);
      }
    },
  },
  {
    name: `goes on when host calls fail at random, ${FAULTY_STREAMS.toLocaleString("en")} streams`,
    run: (subject) => underRandomFailures(subject),
  },
];

function playAll(subject: Subject, configuration: unknown, scripts: readonly Script[]): void {
  const module = subject.bootWith(configuration);
  for (const script of scripts) {
    const wrong = wrongWith(module, script);
    if (wrong !== undefined) report(subject, configuration, [script], wrong);
  }
}

const PLAIN: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  [":scheme", "http"],
];

/** The same headers for the request, the response and both trailers. */
function withHeaders(headers: HeaderList): Script {
  return {
    headers: headers.some(([name]) => name === ":method") ? headers : [...PLAIN, ...headers],
    end: false,
    properties: { "source.address": "" },
    events: [
      ...follow("request", ["a"], headers),
      { kind: "response-headers", headers: [[":status", "200"], ...headers], end: false },
      ...follow("response", ["a"], headers),
    ],
  };
}

const BYTES = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
const VALUES = [
  "",
  "\0",
  "a\0b",
  "a\r\nb: c",
  "\xc0\xaf",
  "\xed\xa0\x80",
  "\xff",
  BYTES,
  "=",
  ";",
  ",",
  "%",
  "%0",
  "%zz",
];

function oddHeaders({ names }: Vocabulary): HeaderList[] {
  const pseudo = (name: string, value: string): HeaderList =>
    PLAIN.map((entry) => (entry[0] === name ? [name, value] : entry));
  return [
    [],
    [["", ""]],
    [["\0", "a"]],
    [["\xc0\xaf", "\xc0\xaf"]],
    [["a".repeat(70_000), "b"]],
    ...names.flatMap((name) => VALUES.map((value): HeaderList => [[name, value]])),
    ...names.map(
      (name): HeaderList => [
        [name, ""],
        [name, "a"],
        [name, "\0"],
        [name, "a"],
      ],
    ),
    ...names.map(
      (name): HeaderList => [
        ["cookie", `${name}`],
        ["cookie", `${name}=;;=;${name}=\xff`],
      ],
    ),
    ...[...VALUES, "*", "//", "/?", "/?&=&%00=%ff", "?", "#"].map((value) => pseudo(":path", value)),
    ...VALUES.map((value) => pseudo(":authority", value)),
    ...VALUES.map((value) => pseudo(":method", value)),
    ...PLAIN.map(([without]) => PLAIN.filter(([name]) => name !== without)),
    [...PLAIN, ...PLAIN],
  ];
}

function hugeHeaders({ names }: Vocabulary): HeaderList[] {
  const ten = "a".repeat(10 * MEGABYTE);
  const few = names.slice(-3);
  return [
    ...few.map((name): HeaderList => [[name, ten]]),
    PLAIN.map((entry) => (entry[0] === ":path" ? [":path", `/${ten}?${ten}`] : entry)),
    [["cookie", "a=b;".repeat(MEGABYTE)]],
    Array.from({ length: 1000 }, (_, i) => [`x-${i}`, `${i}`]),
    Array.from({ length: 5000 }, (_, i) => [names[i % names.length] ?? "x", `${i}`]),
    few.flatMap((name) => Array.from({ length: 1000 }, () => [name, "1"] as const)),
  ];
}

/** Bodies in pieces that no client would send, and bodies larger than Envoy holds. */
function bodies(): Script[] {
  const odd: readonly (readonly (string | Uint8Array)[])[] = [
    [""],
    ["", "", ""],
    [Buffer.from(BYTES, "latin1")],
    Array.from({ length: 500 }, () => "x"),
    Array.from({ length: 30 }, (_, i) => "y".repeat(2 ** (i % 15))),
    ['{"a":', '{"b":'.repeat(50_000)],
  ];
  const huge = [["z".repeat(10 * MEGABYTE)], Array.from({ length: 12 }, () => "z".repeat(MEGABYTE))];
  const trailers: HeaderList = [["a", "b"]];
  const whole = odd.map((body) => scriptOf({ body, response: { body } }));
  const trailing = odd.map((body) => scriptOf({ body, trailers, response: { body, trailers } }));
  return [
    ...huge.map((body) => scriptOf({ body, response: { body } })),
    ...whole,
    ...trailing,
    ...whole.map((script) => ({ ...script, events: script.events.slice(0, -1) })),
    ...trailing.map((script) => ({ ...script, events: script.events.filter(isResponse) })),
  ];
}

/** An upstream may answer before the request has ended. */
function isResponse({ kind }: Script["events"][number]): boolean {
  return kind.startsWith("response");
}

/** Random streams, and the host calls that they cause. */
function callsInUse(subject: Subject): { scripts: readonly Script[]; calls: readonly string[] } {
  const maker = new ScriptMaker(vocabularyOf(subject.facts), new Random(subject.seed));
  const scripts = Array.from({ length: subject.amount(STREAMS_A_CALL) + STREAMS_A_CALL }, () =>
    maker.script(),
  );
  const calls = new Set<string>();
  for (const configuration of subject.facts.accepted) {
    const module = subject.bootWith(configuration);
    for (const script of scripts) play(module, script);
    for (const call of module.hostCallsTotal.keys()) if (!NEVER_FAILS.has(call)) calls.add(call);
  }
  return { scripts, calls: [...calls] };
}

function underFailure(subject: Subject, scripts: readonly Script[], failing: string, status: number): void {
  for (const configuration of subject.sample(subject.amount(MOST_CONFIGURATIONS))) {
    const module = subject.bootWith(configuration);
    module.host.intercept = (call) => (call === failing ? status : undefined);
    try {
      for (const script of scripts) play(module, script);
      module.configure(JSON.stringify(configuration));
    } catch (error) {
      broken(
        `when ${failing} always answers ${status}, ${trapText(error)}\nconfiguration: ${shown(configuration, 2000)}`,
      );
    }
  }
}

function underRandomFailures(subject: Subject): void {
  const random = new Random(subject.seed);
  const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
  const failed: string[] = [];
  const intercept = (call: string): number | undefined => {
    if (NEVER_FAILS.has(call) || random.below(5) > 0) return undefined;
    failed.push(call);
    return random.pick(FAILURES);
  };
  const total = subject.amount(FAULTY_STREAMS);
  for (let done = 0; done < total; done += 100) {
    const configuration = random.pick(subject.facts.accepted);
    const module = subject.bootWith(configuration);
    module.host.intercept = intercept;
    for (let i = 0; i < 100; i++) {
      const script = maker.script();
      failed.length = 0;
      try {
        play(module, script);
      } catch (error) {
        broken(
          `when these host calls fail: ${failed.join(", ") || "none"}, ${trapText(error)}\nMESHWRIGHT_SEED=${subject.seed} repeats it.\n` +
            `configuration: ${shown(configuration, 2000)}\nrequest: ${shown(script, 2000)}`,
        );
      }
    }
  }
}
