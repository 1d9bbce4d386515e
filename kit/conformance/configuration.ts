// A filter's configuration has two readers, the zod schema here and the module's own parser. Both
// must accept and refuse the same documents, and name the same place.

import { z } from "zod";
import { broken, type Check, shown } from "./check.js";
import type { FilterFacts } from "./facts.js";
import { damaged, type JsonSchema, Random, randomDocument } from "./random-documents.js";
import type { Subject } from "./subject.js";

const RANDOM_DOCUMENTS = 2_000;
const UNKNOWN_KEY = "notAnOption";

const NO_DOCUMENTS: readonly (readonly [string, Buffer])[] = [
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
  ["a NUL", Buffer.from("\0")],
  ["ten thousand brackets", Buffer.from("[".repeat(10_000))],
  ["half a document", Buffer.from('{"rules": [{"name": "a')],
  ["half a surrogate pair", Buffer.from('{"\\ud800": 1}')],
  ["a key given twice", Buffer.from('{"a": 1, "a": 2}')],
  ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))],
];

/** One check for each document among the facts. */
export function configurationChecks({ accepted, refused }: FilterFacts): readonly Check[] {
  return [
    ...accepted.map((document) => ({
      name: `takes the configuration ${shown(document)}`,
      run: (subject: Subject) => takes(subject, document),
    })),
    ...refused.map(([document, path]) => ({
      name: `refuses, at ${path}, the configuration ${shown(document)}`,
      run: (subject: Subject) => refuses(subject, document, path),
    })),
    ...NO_DOCUMENTS.map(([what, bytes]) => ({
      name: `refuses a configuration that is ${what}, without a trap`,
      run(subject: Subject) {
        if (subject.boot().configure(bytes).accepted) broken("it was taken");
      },
    })),
    ...generalChecks,
  ];
}

const generalChecks: readonly Check[] = [
  {
    name: "refuses a key that it does not know, in every object that it takes",
    run(subject) {
      for (const document of subject.facts.accepted) {
        for (const [changed, path] of withUnknownKeys(document)) refuses(subject, changed, path);
      }
    },
  },
  {
    name: `takes and refuses the same ${RANDOM_DOCUMENTS.toLocaleString("en")} random configurations as its schema`,
    run: (subject) => readersAgree(subject),
  },
  {
    name: "refuses a configuration that is not JSON, with its line and column",
    run(subject) {
      const { accepted, logs } = subject.boot().configure('{\n  "a": 1,\n}');
      if (accepted) broken("it was taken");
      if (logs[0]?.startsWith(`${subject.name}: configuration refused: line 3, column 1: `) !== true)
        broken(`its log has ${shown(logs)}, without line 3, column 1`);
    },
  },
  {
    name: "refuses a configuration with a hundred thousand faults without walking them all",
    run(subject) {
      const { properties = {} } = z.toJSONSchema(subject.schema, { io: "input" });
      const key = Object.keys(properties)[0] ?? UNKNOWN_KEY;
      const document = { [key]: new Array(100_000).fill({ [UNKNOWN_KEY]: 1 }) };
      const { accepted, logs } = subject.boot().configure(JSON.stringify(document));
      if (accepted || logs.length !== 1)
        broken(`accepted: ${accepted}, with ${logs.length} log lines, not one`);
    },
  },
];

function takes(subject: Subject, document: unknown): void {
  const places = subject.refusedPlaces(document);
  if (places.length > 0) broken(`its schema refuses it at ${places.join(", ")}`);
  const { accepted, logs } = subject.boot().configure(JSON.stringify(document));
  if (!accepted) broken(`its module refuses it: ${logs.join("\n")}`);
  if (logs.length > 0) broken(`its module takes it, but logs: ${logs.join("\n")}`);
}

function refuses(subject: Subject, document: unknown, path: string): void {
  const places = subject.refusedPlaces(document);
  if (!places.includes(path))
    broken(
      `its schema ${places.length === 0 ? "takes it" : `refuses it at ${places.join(", ")}`}: ${shown(document)}`,
    );
  const { accepted, logs } = subject.boot().configure(JSON.stringify(document));
  if (accepted) broken(`its module takes it: ${shown(document)}`);
  const wanted = `${subject.name}: configuration refused: ${path}: `;
  const reason = logs.find((line) => line.startsWith(wanted))?.slice(wanted.length) ?? "";
  if (logs.length !== 1 || reason.trim().length === 0)
    broken(`its log has ${shown(logs, 500)}, not one line "${wanted}REASON"`);
}

/**
 * One copy of the document for each object in it, in which that object has one key more; and the
 * path of that key.
 */
function withUnknownKeys(document: unknown): (readonly [document: unknown, path: string])[] {
  const found: [unknown, string][] = [];
  const walk = (value: unknown, path: string, put: (changed: unknown) => unknown): void => {
    if (Array.isArray(value)) {
      // In a long list one item stands for all.
      value.slice(0, 3).forEach((item, i) => {
        walk(item, `${path}[${i}]`, (changed) => put(value.with(i, changed)));
      });
    } else if (typeof value === "object" && value !== null) {
      const within = path === "" ? "" : `${path}.`;
      found.push([put({ ...value, [UNKNOWN_KEY]: 1 }), `${within}${UNKNOWN_KEY}`]);
      for (const [key, item] of Object.entries(value))
        walk(item, `${within}${key}`, (changed) => put({ ...value, [key]: changed }));
    }
  };
  walk(document, "", (changed) => changed);
  return found;
}

function readersAgree(subject: Subject): void {
  const { seed, facts, schema } = subject;
  const random = new Random(seed);
  const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
  const module = subject.boot();
  const total = subject.amount(RANDOM_DOCUMENTS);
  let taken = 0;
  for (let i = 0; i < total; i++) {
    const made = i % 2 === 0 ? randomDocument(jsonSchema, random) : random.pick(facts.accepted);
    let text = JSON.stringify(made);
    for (let times = random.below(3); times > 0; times--) text = damaged(JSON.parse(text), random);
    const places = subject.refusedPlaces(JSON.parse(text));
    const { accepted, logs } = module.configure(text);
    if (accepted) taken++;
    if (accepted === (places.length === 0)) continue;
    const sides = accepted
      ? `its schema refuses it at ${places.join(", ")}`
      : `its module refuses it: ${logs.join("\n")}`;
    broken(`one reader takes it, and ${sides}: ${text}\nMESHWRIGHT_SEED=${seed} repeats it.`);
  }
  // A generator whose documents are all refused shows nothing.
  if (taken <= total / 10) broken(`only ${taken} of ${total} were taken: give more accepted documents`);
}
