import { Bytes } from "../../../assembly";
import { beginsWithId, ID_DIGITS, WORD_DIGITS, writeWord } from "./visitor-id";

const isId = (text: string): bool => beginsWithId(Bytes.of(text));

describe("an id", () => {
  it("is written as 16 digits for each of its words", () => {
    const id = Bytes.owned(ID_DIGITS);
    writeWord(id.ptr, 0x0123456789abcdef);
    writeWord(id.ptr + WORD_DIGITS, u64.MAX_VALUE);
    expect(id.toString()).toBe("0123456789abcdefffffffffffffffff");
    writeWord(id.ptr, 0);
    expect(id.toString()).toBe("0000000000000000ffffffffffffffff");
    expect(beginsWithId(id)).toBe(true);
  });

  it("has exactly one spelling", () => {
    expect(isId("0123456789abcdef0123456789abcdef")).toBe(true);
    expect(isId("0123456789abcdef0123456789abcdef.00")).toBe(true);
    expect(isId("0123456789ABCDEF0123456789abcdef")).toBe(false);
    expect(isId("0123456789abcdef0123456789abcde")).toBe(false);
    expect(isId("0123456789abcdef0123456789abcdeg")).toBe(false);
    expect(isId("0123456789abcdef0123456789abcde/")).toBe(false);
    expect(isId("0123456789abcdef0123456789abcde:")).toBe(false);
    expect(isId("0123456789abcdef0123456789abcde`")).toBe(false);
    expect(isId(" 123456789abcdef0123456789abcdef")).toBe(false);
    expect(isId("0x23456789abcdef0123456789abcdef")).toBe(false);
    expect(isId("")).toBe(false);
  });
});
