import { Bytes } from "../../../assembly";
import { Random } from "../../../assembly/text/seeded-random";
import { EventStream } from "./event-stream";
import { JsonNumber } from "./json-number";

const PATH: StaticArray<Bytes> = [Bytes.of("usage"), Bytes.of("total_tokens")];
const NOTHING: i64 = -1;

/** What is found in a text that comes in pieces of so many bytes. */
function foundIn(text: string, piece: i32): i64 {
  const bytes = Bytes.of(text);
  const number = new JsonNumber(PATH);
  for (let at = 0; at < bytes.size; at += piece) {
    number.read(bytes.ptr + at, min(piece, bytes.size - at));
  }
  return number.value;
}

function foundInEvents(text: string, piece: i32): i64 {
  const bytes = Bytes.of(text);
  const number = new JsonNumber(PATH);
  const events = new EventStream();
  for (let at = 0; at < bytes.size; at += piece) {
    events.read(bytes.ptr + at, min(piece, bytes.size - at), number);
  }
  return number.value;
}

/** Whatever the pieces are. */
function expectNumber(text: string, value: i64): void {
  for (let piece = 1; piece <= 9; piece++) expect(foundIn(text, piece)).toBe(value, text);
  expect(foundIn(text, 1 << 20)).toBe(value, text);
}

function expectInEvents(text: string, value: i64): void {
  for (let piece = 1; piece <= 9; piece++) expect(foundInEvents(text, piece)).toBe(value, text);
  expect(foundInEvents(text, 1 << 20)).toBe(value, text);
}

describe("a number in JSON", () => {
  it("is the one under the path, from the root on", () => {
    expectNumber('{"usage":{"total_tokens":12}}', 12);
    expectNumber(' { "id" : "x" , "usage" : { "prompt_tokens" : 5 , "total_tokens" : 17 } } ', 17);
    expectNumber('{"choices":[{"a":{"b":[1,2,{}]}}],"usage":{"d":{"total_tokens":1},"total_tokens":9}}', 9);
    expectNumber('{"usage":{"total_tokens":0}}', 0);
    expectNumber('{"total_tokens":12}', NOTHING);
    expectNumber('{"usage":12}', NOTHING);
    expectNumber('{"a":{"usage":{"total_tokens":12}}}', NOTHING);
    expectNumber('[{"usage":{"total_tokens":12}}]', NOTHING);
    expectNumber('{"usage":[{"total_tokens":12}]}', NOTHING);
    expectNumber('{"usage":[],"total_tokens":12}', NOTHING);
    expectNumber('{"usage":{"total_tokens":[12]}}', NOTHING);
    expectNumber('{"usage":{"total_tokens":{"total_tokens":12}}}', NOTHING);
    expectNumber('{"usag":{"total_tokens":1},"usages":{"total_tokens":2}}', NOTHING);
  });

  it("is the last one", () => {
    expectNumber('{"usage":{"total_tokens":12,"total_tokens":13}}', 13);
    expectNumber('{"usage":{"total_tokens":12}}\n{"usage":null}\n{"usage":{"total_tokens":14}}', 14);
    expectNumber('{"usage":{"total_tokens":12},"usage":{"total_tokens":null}}', 12);
  });

  it("is not taken from a text, however it is escaped", () => {
    expectNumber('{"content":"\\"usage\\":{\\"total_tokens\\":1}"}', NOTHING);
    expectNumber('{"content":"{\\\\\\"usage\\":{","usage":{"total_tokens":3}}', 3);
    expectNumber('{"content":"\\\\","usage":{"total_tokens":4}}', 4);
    expectNumber('{"content":"usage","total_tokens":5}', NOTHING);
    expectNumber('{"usage":"total_tokens","x":{"total_tokens":5}}', NOTHING);
    expectNumber('{"usage":{"x":"total_tokens","y":7}}', NOTHING);
    expectNumber('{"\\u0075sage":{"total_tokens":6}}', NOTHING);
  });

  it("is whole, not negative, and never too large", () => {
    const others: StaticArray<string> = [
      "-5",
      "1.5",
      "1e3",
      '"7"',
      "null",
      "true",
      "NaN",
      "Infinity",
      "0x10",
    ];
    for (let i = 0; i < others.length; i++) {
      expectNumber(`{"usage":{"total_tokens":${others[i]}}}`, NOTHING);
      expectNumber(`{"usage":{"total_tokens":8,"x":0},"usage":{"total_tokens":${others[i]}}}`, 8);
    }
    expectNumber(`{"usage":{"total_tokens":${"9".repeat(400)}}}`, 1_000_000_000);
  });

  it("is not found where the text was cut", () => {
    const whole = '{"usage":{"total_tokens":1234';
    for (let size = 0; size <= whole.length; size++) expectNumber(whole.slice(0, size), NOTHING);
    expectNumber(`${whole}}`, 1234);
  });

  it("is looked for in any bytes without harm, and found in the document that follows", () => {
    const random = new Random(5);
    const letters = '{}[]":,\\ 019eus-\n';
    for (let i = 0; i < 3000; i++) {
      let text = "";
      for (let n = random.below(40); n > 0; n--) text += letters.charAt(random.below(letters.length));
      const found = foundIn(text, 1);
      expect(foundIn(text, 7)).toBe(found, text);
      const number = new JsonNumber(PATH);
      const bytes = Bytes.of(text);
      number.read(bytes.ptr, bytes.size);
      number.restart();
      const next = Bytes.of('{"usage":{"total_tokens":21}}');
      number.read(next.ptr, next.size);
      expect(number.value).toBe(21, text);
    }
    expectNumber(`${"]}".repeat(50)}{"usage":{"total_tokens":22}}`, 22);
    expectNumber(`${"[".repeat(5000)}{"usage":{"total_tokens":22}}`, NOTHING);
  });
});

describe("server-sent events", () => {
  it("have the number in their data", () => {
    expectInEvents('data: {"usage":null}\n\ndata: {"usage":{"total_tokens":12}}\n\ndata: [DONE]\n\n', 12);
    expectInEvents('event: a\r\ndata:{"usage":{"total_tokens":13}}\r\nid: 7\r\n\r\n', 13);
    expectInEvents('data: {"usage":{"total_tokens":14}}\r\rdata: [DONE]\r\r', 14);
    expectInEvents(': {"usage":{"total_tokens":15}}\nevent: {"usage":{"total_tokens":15}}\n\n', NOTHING);
    expectInEvents('datas: {"usage":{"total_tokens":15}}\n data: {"usage":{"total_tokens":15}}\n\n', NOTHING);
  });

  it("may have a document in several lines, and none that goes from one event into the next", () => {
    expectInEvents('data: {"usage":\ndata: {"total_tokens":\r\ndata: 16}}\n\n', 16);
    expectInEvents('data: {"usage":\n\ndata: {"total_tokens":17}}\n\n', NOTHING);
    expectInEvents('data: {"broken": "\n\ndata: {"usage":{"total_tokens":18}}\n\n', 18);
  });

  it("that are cut before the number have none", () => {
    expectInEvents('data: {"choices":[]}\n\ndata: {"usage":{"total_tokens":1', NOTHING);
  });
});
