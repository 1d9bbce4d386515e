// Which later parts of WebAssembly a module uses. V8 in every supported release of Envoy has all of
// them (13.8 in 1.36, 14.6 in 1.39 and 1.40), and an older Node lacks some.

/** A feature, and a module that uses nothing else: its sections, in hexadecimal. */
const PROBES = {
  "exception references": "010401600000030201000a080106001f40000b0b",
  "extended constants": "0609017f00410141016a0b",
  "garbage collection": "0103015f00",
  "legacy exceptions": "010401600000030201000a0701050006400b0b",
  "memories of 64 bits": "0503010401",
  "relaxed vectors": "01060160017b017b030201000a0b01090020002000fd80020b",
  "several memories": "05050200010001",
  "tables with a first value": "0409014000700001d0700b",
  "tail calls": "010401600000030201000a0601040012000b",
  "typed function references": "0106016001647000",
} as const;

export type Feature = keyof typeof PROBES;

const HEAD = "0061736d01000000";

/** The features that this process's V8 does not have. */
export function missingFeatures(): ReadonlySet<Feature> {
  missing ??= new Set(
    (Object.keys(PROBES) as Feature[]).filter((feature) => {
      try {
        new WebAssembly.Module(Buffer.from(HEAD + PROBES[feature], "hex"));
        return false;
      } catch {
        return true;
      }
    }),
  );
  return missing;
}

let missing: ReadonlySet<Feature> | undefined;
