// Compiles the filter's JSON configuration. `schema.ts` is its twin: a test checks that both agree.

import { Bytes } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import {
  DecisionProperty,
  parseExplainProperty,
  parsePercentage,
  parseWrittenHeader,
} from "../../assembly/rules";
import { parseBaggage } from "./baggage/config";
import { BaggageSettings } from "./baggage/settings";
import { BAGGAGE_FORMAT, bitOf, Format } from "./format";
import { SkyWalkingWriter } from "./formats/skywalking-writer";
import {
  B3,
  B3_MULTI,
  DATADOG,
  DEFAULT_TRACESTATE_SIZE,
  GOOGLE_CLOUD,
  MAX_SKYWALKING_NAME,
  MAX_TRACESTATE_SIZE,
  SKYWALKING,
  W3C,
  X_TRACE_ID,
  XRAY,
} from "./limits";
import { PolicySettings } from "./policy";

const KEYS: StaticArray<string> = [
  "accept",
  "trustIncoming",
  "write",
  "sampling",
  "tracestateMaxBytes",
  "responseHeader",
  "skywalking",
  "baggage",
  "explainProperty",
];
const FILTER = "trace-headers";
const SKYWALKING_KEYS: StaticArray<string> = ["service", "instance"];
/** By `Format`. */
const READ_FORMATS: StaticArray<string> = [W3C, B3, B3_MULTI, XRAY, GOOGLE_CLOUD, DATADOG, SKYWALKING];
/** By `Format`, except for the last, which is only written. */
const WRITE_FORMATS: StaticArray<string> = [
  W3C,
  B3,
  B3_MULTI,
  XRAY,
  GOOGLE_CLOUD,
  DATADOG,
  SKYWALKING,
  X_TRACE_ID,
];

/** The compiled configuration. Not to be used if the document has a fault. */
@final
export class TraceHeadersConfig {
  readonly policy: PolicySettings = new PolicySettings();
  /** Name of the response header with the trace id; `null` for none. */
  responseHeader: Bytes | null = null;
  /** What makes an `sw8` where none came in; `null` if none is made. */
  skywalking: SkyWalkingWriter | null = null;
  /** `null` if baggage is none of this filter's business. */
  readonly baggage: BaggageSettings | null;
  readonly explainProperty: DecisionProperty | null;

  constructor(root: ConfigNode) {
    root.keys(KEYS);
    this.readAccept(root.get("accept"));
    this.policy.trustIncoming = root.get("trustIncoming").boolOr(true);
    this.readWrite(root.get("write"));
    this.policy.samplingRate = parsePercentage(root.get("sampling"));
    this.policy.tracestateMaxBytes = <i32>(
      root.get("tracestateMaxBytes").integerOr(0, MAX_TRACESTATE_SIZE, DEFAULT_TRACESTATE_SIZE)
    );
    this.readResponseHeader(root.get("responseHeader"));
    this.readSkyWalking(root.get("skywalking"));
    this.baggage = parseBaggage(root.get("baggage"));
    if (this.baggage) this.policy.handled |= bitOf(BAGGAGE_FORMAT);
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
  }

  private readAccept(node: ConfigNode): void {
    if (!node.present) return;
    const formats = readFormats(node, READ_FORMATS);
    const accept = new StaticArray<Format>(formats.length);
    for (let i = 0; i < formats.length; i++) accept[i] = formats[i];
    this.policy.accept = accept;
    this.policy.handled |= bitsOf(formats);
  }

  private readWrite(node: ConfigNode): void {
    if (!node.present) return;
    const written = bitsOf(readFormats(node, WRITE_FORMATS));
    this.policy.written = written;
    this.policy.handled |= written;
  }

  private readSkyWalking(node: ConfigNode): void {
    if (!node.present) return;
    node.keys(SKYWALKING_KEYS);
    const service = node.get("service").text(1, MAX_SKYWALKING_NAME);
    const instance = node.get("instance").textOr(service, 1, MAX_SKYWALKING_NAME);
    if (!(this.policy.written & bitOf(Format.SkyWalking))) node.fail(`needs '${SKYWALKING}' in 'write'`);
    this.skywalking = new SkyWalkingWriter(service, instance);
  }

  private readResponseHeader(node: ConfigNode): void {
    if (node.present) this.responseHeader = parseWrittenHeader(node);
  }
}

/** Indices into `allowed`, in the order of the document. */
function readFormats(node: ConfigNode, allowed: StaticArray<string>): StaticArray<i32> {
  const formats = new StaticArray<i32>(node.array(1, allowed.length));
  for (let i = 0; i < formats.length; i++) {
    const item = node.at(i);
    const format = item.oneOf(allowed);
    if (formats.indexOf(format) >= 0 && formats.indexOf(format) < i) item.fail("is listed twice");
    formats[i] = format;
  }
  return formats;
}

function bitsOf(formats: StaticArray<i32>): u32 {
  let bits: u32 = 0;
  for (let i = 0; i < formats.length; i++) bits |= bitOf(formats[i]);
  return bits;
}
