// What all streams of a plugin share: its configuration in use, and the current request.

import {
  Bytes,
  CallProtocol,
  PairsBuilder,
  protocolOf,
  RootContext,
  requestHeaders,
  scratch,
  TextBuffer,
  XdsAttributes,
} from "../../assembly";
import { HostRequestView, RuleSelection, SelectionList } from "../../assembly/rules";
import { Collectors } from "./collectors";
import { FallbackConfig } from "./config";
import { Freshness } from "./freshness";
import { Mark } from "./keep";
import { Keeper } from "./keeper";
import { Recent } from "./recent";
import { Revalidations } from "./revalidation";
import { Rule } from "./rule";

const GET = Bytes.of("GET");
const HEAD = Bytes.of("HEAD");
const METHOD = Bytes.of(":method");
const SCHEME = Bytes.of(":scheme");
const AUTHORITY = Bytes.of(":authority");
const PATH = Bytes.of(":path");
const ACCEPT_ENCODING = Bytes.of("accept-encoding");
const CLUSTER_NAME = XdsAttributes.clusterName();
const COLON: u8 = 0x3a;
const NUMBER_SIGN: u8 = 0x23;
const NOTHING = Bytes.owned(0);
const SIZE_BYTES: i32 = 4;

@final
export class Plugin {
  readonly request: HostRequestView;
  readonly collectors: Collectors;
  readonly recent: Recent = new Recent();
  readonly keeper: Keeper;
  private readonly revalidations: Revalidations;
  /** Whether the current request is HEAD: nothing is kept of its response. */
  isHead: bool = false;
  private readonly rules: StaticArray<Rule>;
  private readonly selections: SelectionList;
  private readonly freshness: Freshness = new Freshness();
  private readonly text: TextBuffer = new TextBuffer();
  private readonly size: Bytes = Bytes.owned(SIZE_BYTES);
  private readonly target: Bytes = new Bytes(0, 0);
  private readonly pairs: PairsBuilder = new PairsBuilder();

  /** @param name the plugin's name */
  constructor(
    readonly config: FallbackConfig,
    name: Bytes,
    root: RootContext,
  ) {
    this.request = new HostRequestView(config.slots);
    const keeper = new Keeper();
    this.keeper = keeper;
    const collectors = new Collectors(config.maxBody);
    this.collectors = collectors;
    this.revalidations = new Revalidations(root, collectors, keeper);
    const rules = new StaticArray<Rule>(config.rules.length);
    const selections = new StaticArray<RuleSelection>(rules.length);
    for (let i = 0; i < rules.length; i++) {
      rules[i] = new Rule(config.rules[i], name, config.explainProperty);
      selections[i] = config.rules[i].selection;
    }
    this.rules = rules;
    this.selections = new SelectionList(selections);
  }

  rule(index: i32): Rule {
    return unchecked(this.rules[index]);
  }

  /** The first rule that takes the request, or -1. Call it in the request's callback. */
  first(): i32 {
    this.request.begin();
    return this.selections.first(this.request);
  }

  /** The next rule that also takes the request, or -1. */
  next(): i32 {
    return this.selections.next(this.request);
  }

  /** Whether answers to the current request can be kept or served at all. Sets `isHead`. */
  isAnswerable(): bool {
    const request = this.request;
    const headers = this.config.headers;
    const method = request.method();
    if (!method) return false;
    this.isHead = method.equals(HEAD);
    if (!this.isHead && !method.equals(GET)) return false;
    for (let i = 0; i < headers.excluding.length; i++) {
      if (request.header(unchecked(headers.excluding[i]))) return false;
    }
    return protocolOf(request.header(headers.contentType)) == CallProtocol.Http;
  }

  /** Whether the rule keeps and serves answers to the current request, which is answerable. */
  takes(rule: Rule): bool {
    const request = this.request;
    const headers = this.config.headers;
    const keep = rule.policy.keep;
    if (!keep.ignores(Mark.Authorization) && request.header(headers.authorization)) return false;
    if (!keep.ignores(Mark.Cookie) && request.header(headers.cookie)) return false;
    const cacheControl = request.header(headers.cacheControl);
    if (!cacheControl || keep.ignores(Mark.CacheControl)) return true;
    this.freshness.clear();
    this.freshness.readCacheControl(cacheControl);
    return !this.freshness.noStore;
  }

  /**
   * The current request's key for that rule: each part with its size before it, so that no two
   * lists of parts give the same bytes. Valid until the next call.
   */
  readKey(rule: Rule): Bytes {
    const request = this.request;
    const headers = this.config.headers;
    const policy = rule.policy;
    this.text.clear();
    this.addPart(request.header(headers.scheme));
    this.addPart(request.header(headers.authority));
    this.addPart(policy.hasNamedQuery ? request.path() : this.wholeTarget());
    policy.key.read(request, this.keeper.seed);
    for (let i = 0; i < policy.key.count; i++) this.addPart(policy.key.bytes(i));
    return this.text.text();
  }

  /** What is behind the key if the response depends on `accept-encoding`. */
  addEncoding(): Bytes {
    this.addPart(this.request.header(this.config.headers.acceptEncoding));
    return this.text.text();
  }

  /** Path and query, without a fragment. */
  private wholeTarget(): Bytes | null {
    const sent = this.request.header(this.config.headers.path);
    if (!sent) return null;
    const end = sent.indexOf(NUMBER_SIGN);
    this.target.ptr = sent.ptr;
    this.target.size = end < 0 ? sent.size : end;
    return this.target;
  }

  private addPart(part: Bytes | null): void {
    const bytes = part ? part : NOTHING;
    store<i32>(this.size.ptr, bytes.size);
    this.text.add(this.size);
    this.text.add(bytes);
  }

  /**
   * Asks the current request's cluster for a newer answer, if nobody else does and this worker can.
   * Three host calls, and one for each header of the key.
   * @param hash of the key under which the answer is kept
   */
  revalidate(rule: Rule, hash: u64, plainKey: Bytes, encodedKey: Bytes, now: u64): void {
    if (!this.revalidations.hasRoom) return;
    if (!rule.answers.lease(hash, now, rule.policy.revalidateMs)) return;
    const cluster = CLUSTER_NAME.read();
    if (cluster) this.revalidations.begin(rule, cluster, this.callHeaders(rule), plainKey, encodedKey);
  }

  /** What belongs to the key of the current request, as the headers of a call. */
  private callHeaders(rule: Rule): Bytes {
    const request = this.request;
    const headers = this.config.headers;
    const pairs = this.pairs;
    pairs.clear();
    pairs.add(METHOD, GET);
    this.addHeader(SCHEME, request.header(headers.scheme));
    this.addHeader(AUTHORITY, request.header(headers.authority));
    this.addHeader(PATH, request.header(headers.path));
    this.addHeader(ACCEPT_ENCODING, request.header(headers.acceptEncoding));
    const names = rule.policy.keyHeaders.keys;
    for (let i = 0; i < names.length; i++) {
      const name = unchecked(names[i]);
      if (name.size > 0 && name.at(0) != COLON) this.addHeader(name, requestHeaders.all(name));
    }
    const encoded = scratch(pairs.size);
    pairs.write(encoded.ptr);
    return encoded;
  }

  private addHeader(name: Bytes, value: Bytes | null): void {
    if (value) this.pairs.add(name, value);
  }
}
