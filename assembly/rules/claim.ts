// A claim of a token, with its type. `jwt_authn` keeps a token's payload as a
// `google.protobuf.Struct` in the stream's metadata, where each value says of which type it is:
// `struct.proto` of protocol buffers has the numbers of the fields.

import { Bytes } from "../text/bytes";
import { ProtobufReader } from "../text/protobuf";
import { sequenceSize } from "../text/utf8";

/** The type of a claim. */
export enum ClaimKind {
  Missing,
  Null,
  Boolean,
  Number,
  Text,
  List,
  Object,
}

const NULL_VALUE: u32 = 1;
const NUMBER_VALUE: u32 = 2;
const STRING_VALUE: u32 = 3;
const BOOL_VALUE: u32 = 4;
const STRUCT_VALUE: u32 = 5;
const LIST_VALUE: u32 = 6;
/** The fields of a map's entries; the only field of a list and of a struct is the first too. */
const KEY: u32 = 1;
const VALUE: u32 = 2;

const DOUBLE_SIZE: i32 = 8;
const SPACE: u8 = 0x20;

/** For one value after another: none of their walks begins within another's. */
const reader: ProtobufReader = new ProtobufReader(new Bytes(0, 0));
const entryReader: ProtobufReader = new ProtobufReader(new Bytes(0, 0));

/** What the last search has found. */
const found: Bytes = new Bytes(0, 0);

/** One value, of which only the field of its kind is filled. Valid until the callback ends. */
@final
export class Claim {
  kind: ClaimKind = ClaimKind.Missing;
  /** A boolean's value is 1 or 0. */
  number: f64 = 0;
  /** A text's characters; the encoding of a list or an object. */
  readonly bytes: Bytes = new Bytes(0, 0);

  /**
   * Becomes what `words`, after the first one, lead to in the metadata of the namespace that is the
   * first: an encoded `envoy.config.core.v3.Metadata`.
   */
  find(metadata: Bytes, words: StaticArray<Bytes>): void {
    this.kind = ClaimKind.Missing;
    if (!findEntry(metadata, unchecked(words[0]))) return;
    this.kind = ClaimKind.Object;
    this.bytes.ptr = found.ptr;
    this.bytes.size = found.size;
    for (let i = 1; i < words.length; i++) this.descend(unchecked(words[i]));
  }

  /** Becomes the value that a `google.protobuf.Value` encodes. */
  decode(value: Bytes): void {
    this.kind = ClaimKind.Missing;
    reader.begin(value);
    while (reader.next()) this.take(reader);
    if (reader.failed) this.kind = ClaimKind.Missing;
  }

  private take(field: ProtobufReader): void {
    this.bytes.ptr = field.bytes.ptr;
    this.bytes.size = field.bytes.size;
    switch (field.field) {
      case NULL_VALUE:
        this.kind = ClaimKind.Null;
        break;
      case NUMBER_VALUE:
        this.kind = ClaimKind.Number;
        this.number = reinterpret<f64>(field.integer);
        break;
      case STRING_VALUE:
        this.kind = ClaimKind.Text;
        break;
      case BOOL_VALUE:
        this.kind = ClaimKind.Boolean;
        this.number = field.integer == 0 ? 0 : 1;
        break;
      case STRUCT_VALUE:
        this.kind = ClaimKind.Object;
        break;
      case LIST_VALUE:
        this.kind = ClaimKind.List;
        break;
    }
  }

  /**
   * Becomes what a host says that hands over single values only, as the test kit does where a test
   * gives one: a number is the 8 bytes of a double, true or false one byte, and none of these is a
   * text.
   */
  guess(value: Bytes): void {
    this.bytes.ptr = value.ptr;
    this.bytes.size = value.size;
    this.number = 0;
    if (value.size == 1 && value.at(0) <= 1) {
      this.kind = ClaimKind.Boolean;
      this.number = value.at(0);
    } else if (isPlainText(value)) {
      this.kind = ClaimKind.Text;
    } else if (value.size == DOUBLE_SIZE) {
      this.kind = ClaimKind.Number;
      this.number = load<f64>(value.ptr);
    } else {
      this.kind = ClaimKind.Object;
    }
  }

  /** Becomes the value that it holds itself under `word`: a list's by its place, from 0. */
  private descend(word: Bytes): void {
    const isFound =
      this.kind == ClaimKind.Object
        ? findEntry(this.bytes, word)
        : this.kind == ClaimKind.List && findPlace(this.bytes, word);
    if (isFound) this.decode(found);
    else this.kind = ClaimKind.Missing;
  }
}

/** Looks for an entry of a map, which is the first field of the message. */
function findEntry(message: Bytes, key: Bytes): bool {
  reader.begin(message);
  while (reader.next()) {
    if (reader.field == 1 && hasKey(reader.bytes, key)) return true;
  }
  return false;
}

/** Whether an entry has the key. Its value is then found. */
function hasKey(entry: Bytes, key: Bytes): bool {
  let keys = 0;
  found.size = 0;
  entryReader.begin(entry);
  while (entryReader.next()) {
    const bytes = entryReader.bytes;
    if (entryReader.field == KEY && bytes.equals(key)) keys++;
    if (entryReader.field != VALUE) continue;
    found.ptr = bytes.ptr;
    found.size = bytes.size;
  }
  return keys > 0;
}

/** Looks for the entry of a list at the place that `word` is the number of. */
function findPlace(list: Bytes, word: Bytes): bool {
  let place = placeOf(word);
  reader.begin(list);
  while (place >= 0 && reader.next()) {
    if (reader.field != 1 || place-- > 0) continue;
    found.ptr = reader.bytes.ptr;
    found.size = reader.bytes.size;
    return true;
  }
  return false;
}

/** A number of up to six digits; -1 for any other text. */
function placeOf(word: Bytes): i32 {
  if (word.size == 0 || word.size > 6) return -1;
  let place = 0;
  for (let i = 0; i < word.size; i++) {
    const digit = <i32>word.at(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    place = place * 10 + digit;
  }
  return place;
}

/** Whether it is well-formed UTF-8 without control characters. */
function isPlainText(value: Bytes): bool {
  for (let at = 0; at < value.size; ) {
    if (value.at(at) < SPACE) return false;
    const size = sequenceSize(value.ptr + at, value.size - at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

/** Walks the entries of a list: `while (walk.next())`, then `entry`. One walk at a time. */
@final
export class ListWalk {
  readonly entry: Claim = new Claim();
  private readonly reader: ProtobufReader = new ProtobufReader(new Bytes(0, 0));

  begin(list: Claim): void {
    this.reader.begin(list.bytes);
  }

  next(): bool {
    while (this.reader.next()) {
      if (this.reader.field != 1) continue;
      this.entry.decode(this.reader.bytes);
      return true;
    }
    return false;
  }
}
