// A filter for the tests of foreign functions and filter state in stock Envoy. It does what the
// request's `x-do` header says.

import {
  Bytes,
  callForeignFunction,
  clearRouteCache,
  compress,
  declareProperty,
  Expression,
  FilterHeadersStatus,
  getProperty,
  HttpContext,
  LifeSpan,
  PropertyType,
  propertyPath,
  RootContext,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  setEnvoyFilterState,
  setProperty,
  sign,
  uncompress,
  verifySignature,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const DO = Bytes.of("x-do");
const TEXT = Bytes.of("x-text");
const SAW = Bytes.of("x-saw");
const EMPTY = Bytes.of("");
const NOTE = Bytes.of("note");
const ONCE = Bytes.of("once");
const CONNECTION = Bytes.of("of_connection");

function shown(value: Bytes | null): string {
  return value ? `"${value.toString()}"` : "null";
}

/** The bytes that hexadecimal digits stand for. */
function fromHex(hex: string): Bytes {
  const bytes = Bytes.owned(hex.length >> 1);
  for (let i = 0; i < bytes.size; i++) {
    store<u8>(bytes.ptr + i, <u8>parseInt(hex.substr(i * 2, 2), 16));
  }
  return bytes;
}

class Probe extends HttpContext {
  private saw: string = "";

  constructor(private readonly root: ProbeRoot) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const command = requestHeaders.get(DO);
    const text = requestHeaders.get(TEXT);
    this.saw = this.obey(command ? command.toString() : "", text ? text.copy() : EMPTY);
    return FilterHeadersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.saw == "later") this.saw = shown(getProperty(NOTE));
    responseHeaders.add(SAW, Bytes.of(this.saw));
    return FilterHeadersStatus.Continue;
  }

  private obey(command: string, text: Bytes): string {
    if (command == "property") return this.property(text);
    if (command == "property-later") return `${setProperty(NOTE, text) == 0 ? "later" : "refused"}`;
    if (command == "property-once") {
      return `${setProperty(ONCE, text)} ${setProperty(ONCE, NOTE)} ${shown(getProperty(ONCE))}`;
    }
    if (command == "property-set") return `${setProperty(CONNECTION, text)}`;
    if (command == "property-get") return shown(getProperty(CONNECTION));
    if (command == "attribute") return this.attribute(text);
    if (command == "declarations") return this.root.declarations;
    if (command == "state") return this.state(text);
    if (command == "compress") return this.compressed(text);
    if (command == "uncompress") return shown(uncompress(text));
    if (command == "verify") return this.verify(text.toString().split(" "));
    if (command == "sign") return this.signed(text.toString().split(" "));
    if (command == "expression") return this.expression(text.toString());
    if (command == "kept-expression") return this.kept();
    if (command == "unknown") {
      const result = callForeignFunction(text.toString(), EMPTY);
      return `${result.status} ${shown(result.value)}`;
    }
    if (command == "clear-route") return `${clearRouteCache()}`;
    return "";
  }

  private property(text: Bytes): string {
    const before = shown(getProperty(NOTE));
    return `${before} ${setProperty(NOTE, text)} ${shown(getProperty(NOTE))}`;
  }

  private attribute(text: Bytes): string {
    const path = propertyPath(["request", "method"]);
    const status = setProperty(path, text);
    return `${status} ${shown(getProperty(path))} ${setProperty(Bytes.of("request"), text)} ${shown(getProperty(path))}`;
  }

  private state(text: Bytes): string {
    const known = Bytes.of("envoy.string");
    const sni = Bytes.of("envoy.network.upstream_server_name");
    const path = propertyPath(["filter_state", "envoy.string"]);
    let seen = `${setEnvoyFilterState(known, text, LifeSpan.FilterChain)} ${shown(getProperty(path))}`;
    seen += ` ${setEnvoyFilterState(sni, text, LifeSpan.DownstreamConnection)}`;
    seen += ` ${setEnvoyFilterState(Bytes.of("no such key"), text, LifeSpan.FilterChain)}`;
    return `${seen} ${setEnvoyFilterState(Bytes.of("envoy.hash_key"), EMPTY, LifeSpan.FilterChain)}`;
  }

  private compressed(text: Bytes): string {
    const small = compress(text);
    if (!small) return "null";
    const large = uncompress(small);
    return `${small.size < text.size} ${large ? large.equals(text) : false}`;
  }

  /** The words are the hash function, then key, signature and text in hexadecimal. */
  private verify(words: Array<string>): string {
    return `${verifySignature(words[0], fromHex(words[1]), fromHex(words[2]), fromHex(words[3]))}`;
  }

  private signed(words: Array<string>): string {
    const text = fromHex(words[3]);
    const signature = sign(words[0], fromHex(words[1]), text);
    return signature ? `${verifySignature(words[0], fromHex(words[2]), signature, text)}` : "null";
  }

  private expression(source: string): string {
    const expression = Expression.compile(source);
    if (!expression) return "does not compile";
    const result = expression.evaluate();
    const value = result.value;
    let seen = `${result.status} ${value ? value.size : -1} ${expression.test(true)} ${expression.test(false)}`;
    seen += ` ${expression.delete()} ${expression.delete()}`;
    return `${seen} ${expression.evaluate().status}`;
  }

  private kept(): string {
    const isPost = this.root.isPost;
    return isPost ? `${isPost.test(false)}` : "does not compile";
  }
}

class ProbeRoot extends RootContext {
  isPost: Expression | null = null;
  declarations: string = "";

  onConfigure(configuration: Bytes): bool {
    this.isPost = Expression.compile("request.method == 'POST'");
    this.declarations = `${declareProperty(ONCE, PropertyType.String, LifeSpan.FilterChain, true, EMPTY)}`;
    const again = declareProperty(ONCE, PropertyType.String, LifeSpan.FilterChain, false, EMPTY);
    const span = LifeSpan.DownstreamConnection;
    this.declarations += ` ${again} ${declareProperty(CONNECTION, PropertyType.Bytes, span, false, EMPTY)}`;
    this.declarations += ` ${setProperty(NOTE, NOTE)} ${shown(getProperty(NOTE))}`;
    return true;
  }

  createHttpContext(): HttpContext {
    return new Probe(this);
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
