import { base64Size, NOT_BASE64, readBase64, writeBase64 } from "./base64";
import { Bytes } from "./bytes";

function written(text: string): string {
  const bytes = Bytes.of(text);
  const base64 = Bytes.owned(base64Size(bytes.size));
  writeBase64(base64.ptr, bytes);
  return base64.toString();
}

/** What the text stands for; "!" for what is no base64. */
function read(text: string): string {
  const bytes = Bytes.owned(text.length + 1);
  const size = readBase64(Bytes.of(text), bytes.ptr);
  return size == NOT_BASE64 ? "!" : new Bytes(bytes.ptr, size).toString();
}

describe("base64", () => {
  it("is written with padding, and with every digit", () => {
    expect(written("")).toBe("");
    expect(written("f")).toBe("Zg==");
    expect(written("fo")).toBe("Zm8=");
    expect(written("foo")).toBe("Zm9v");
    expect(written("foobar")).toBe("Zm9vYmFy");
    expect(written("~~~???")).toBe("fn5+Pz8/");
    expect(written("\u07ff")).toBe("378=");
  });

  it("is read with padding or without it", () => {
    const texts: string[] = ["", "f", "fo", "foo", "foobar", "~~~???", "\u07ff", "a longer text, 0123456789"];
    for (let i = 0; i < texts.length; i++) {
      expect(read(written(texts[i]))).toBe(texts[i]);
      expect(read(written(texts[i]).replaceAll("=", ""))).toBe(texts[i]);
    }
  });

  it("is nothing else", () => {
    const refused: string[] = [
      "Z",
      "Zm9vZ",
      "Z===",
      "=",
      "==",
      "====",
      "Zg=",
      "Zg==Zg==",
      "Zm8=Zm8=",
      "Z g=",
      "Zm9v\n",
      "Zm-v",
      "Zm_v",
      // Bits behind the last byte.
      "Zh==",
      "Zm9=",
      "Zh",
    ];
    for (let i = 0; i < refused.length; i++) expect(read(refused[i])).toBe("!");
  });
});
