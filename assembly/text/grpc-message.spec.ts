import { Bytes } from "./bytes";
import { cleanMessage, ESCAPED_SIZE, saysTimeout, writeEscaped } from "./grpc-message";

function clean(text: string): string {
  const message = Bytes.of(text);
  cleanMessage(message);
  return message.toString();
}

function escaped(text: string): string {
  const message = Bytes.of(text);
  const written = Bytes.owned(ESCAPED_SIZE * message.size);
  return new Bytes(written.ptr, writeEscaped(written.ptr, message)).toString();
}

describe("the message of a gRPC status", () => {
  it("is valid in a header, whatever bytes it has", () => {
    expect(escaped("try later")).toBe("try later");
    expect(escaped("100 %\r\n\u00fc")).toBe("100 %25%0D%0A%C3%BC");
    expect(escaped("")).toBe("");
  });

  it("loses what Envoy appended, and no more", () => {
    expect(clean("not%20for%20you{via_upstream}")).toBe("not for you");
    expect(clean("{via_upstream}")).toBe("");
    expect(clean("a{b}{via_upstream}")).toBe("a{b}");
    expect(clean("gone{reset{connection|refused}}")).toBe("gone");
    expect(clean("}{{via_upstream}")).toBe("}{");
  });

  it("stays as it is when Envoy appended nothing", () => {
    expect(clean("")).toBe("");
    expect(clean("plain")).toBe("plain");
    expect(clean("{a} b")).toBe("{a} b");
    expect(clean("}")).toBe("}");
    expect(clean("}}}")).toBe("}}}");
    expect(clean("a}")).toBe("a}");
    expect(clean("{")).toBe("{");
  });

  it("is decoded, unless its encoding is broken", () => {
    expect(clean("%41%c3%A9")).toBe("Aé");
    expect(clean("100%")).toBe("100%");
    expect(clean("%4")).toBe("%4");
    expect(clean("%zz%4g%%41")).toBe("%zz%4g%A");
    expect(clean("%2541")).toBe("%41");
    expect(clean("%7d{via_upstream}")).toBe("}");
  });

  it("tells Envoy's own timeout from a server's words", () => {
    expect(saysTimeout(Bytes.of("upstream request timeout{response_timeout}"))).toBe(true);
    expect(saysTimeout(Bytes.of("x{response_timeout}{via_upstream}"))).toBe(false);
    expect(saysTimeout(Bytes.of(""))).toBe(false);
  });
});
