// Compiles the filter's JSON configuration. `schema.ts` is its twin: a test checks that both agree.

import { Bytes } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import {
  DecisionProperty,
  parseExplainProperty,
  parsePercentage,
  parseWrittenHeader,
} from "../../assembly/rules";
import { B3, B3_MULTI, DEFAULT_TRACESTATE_SIZE, MAX_TRACESTATE_SIZE, W3C, X_TRACE_ID } from "./limits";
import { Format, PolicySettings } from "./policy";

const KEYS: StaticArray<string> = [
  "accept",
  "trustIncoming",
  "write",
  "sampling",
  "tracestateMaxBytes",
  "responseHeader",
  "explainProperty",
];
const FILTER = "trace-headers";
/** By `Format`. */
const READ_FORMATS: StaticArray<string> = [W3C, B3, B3_MULTI];
/** By `Format`, except for the last, which is only written. */
const WRITE_FORMATS: StaticArray<string> = [W3C, B3, B3_MULTI, X_TRACE_ID];
const WRITE_X_TRACE_ID: i32 = 3;

/** The compiled configuration. Not to be used if the document has a fault. */
@final
export class TraceHeadersConfig {
  readonly policy: PolicySettings = new PolicySettings();
  writeW3c: bool = true;
  writeB3: bool = false;
  writeB3Multi: bool = false;
  writeXTraceId: bool = false;
  /** Name of the response header with the trace id; `null` for none. */
  responseHeader: Bytes | null = null;
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
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
  }

  private readAccept(node: ConfigNode): void {
    if (!node.present) return;
    const formats = readFormats(node, READ_FORMATS);
    const accept = new StaticArray<Format>(formats.length);
    for (let i = 0; i < formats.length; i++) accept[i] = formats[i];
    this.policy.accept = accept;
  }

  private readWrite(node: ConfigNode): void {
    if (!node.present) return;
    const formats = readFormats(node, WRITE_FORMATS);
    this.writeW3c = formats.includes(Format.W3c);
    this.writeB3 = formats.includes(Format.B3);
    this.writeB3Multi = formats.includes(Format.B3Multi);
    this.writeXTraceId = formats.includes(WRITE_X_TRACE_ID);
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
