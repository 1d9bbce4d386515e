import { Bytes } from "../bytes";
import { compileRegex, Regex } from "./regex";

function compiled(pattern: string): Regex {
  const result = compileRegex(Bytes.of(pattern));
  expect(result.fault).toBe("");
  return result.regex!;
}

function matches(pattern: string, text: string): bool {
  return compiled(pattern).matches(Bytes.of(text));
}

function faultOf(pattern: string): string {
  return compileRegex(Bytes.of(pattern)).fault;
}

function fromHex(hex: string): Bytes {
  const bytes = Bytes.owned(hex.length / 2);
  for (let i = 0; i < bytes.size; i++) {
    store<u8>(bytes.ptr + i, <u8>parseInt(hex.substr(2 * i, 2), 16));
  }
  return bytes;
}

describe("a regular expression", () => {
  it("must match the whole text", () => {
    expect(matches("b+", "bbb")).toBe(true);
    expect(matches("b+", "abbb")).toBe(false);
    expect(matches("b+", "bbba")).toBe(false);
    expect(matches(".*b+.*", "abbba")).toBe(true);
    expect(matches("", "")).toBe(true);
    expect(matches("", "a")).toBe(false);
    expect(matches("a|b", "ab")).toBe(false);
    expect(matches("^a$", "a")).toBe(true);
    expect(matches("a^b", "ab")).toBe(false);
  });

  it("has classes, repeats, groups, flags and assertions", () => {
    expect(matches("/api/v[0-9]+/(users|orders)/[^/]+", "/api/v12/orders/a-b")).toBe(true);
    expect(matches("/api/v[0-9]+/(users|orders)/[^/]+", "/api/v12/orders/a/b")).toBe(false);
    expect(matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "01234567-89ab-cdef-0123-456789abcdef")).toBe(
      true,
    );
    expect(matches("(?i)beta", "BeTa")).toBe(true);
    expect(matches("(?i:b)eta", "BETA")).toBe(false);
    expect(matches("(?m)a$\n^b", "a\nb")).toBe(true);
    expect(matches("\\bfoo\\b.*\\bbar\\b", "foo bar")).toBe(true);
    expect(matches("\\bfoo\\b.*\\bbar\\b", "foobar")).toBe(false);
    expect(matches("\\Qa.b\\E+", "a.bb")).toBe(true);
    expect(matches("[[:alpha:]]{2,3}?", "abc")).toBe(true);
  });

  it("takes characters of UTF-8, and no other bytes but by \\C", () => {
    expect(matches("a.b", "aéb")).toBe(true);
    expect(matches("[à-ü]+", "éè")).toBe(true);
    expect(matches("\\x{1F600}", "😀")).toBe(true);
    expect(matches(".", "\n")).toBe(false);
    expect(matches("(?s).", "\n")).toBe(true);
    expect(compiled(".").matches(fromHex("ff"))).toBe(false);
    expect(compiled("[^a]").matches(fromHex("c3"))).toBe(false);
    expect(compiled("\\C").matches(fromHex("ff"))).toBe(true);
    expect(compiled("a\\x00b").matches(fromHex("610062"))).toBe(true);
  });

  it("takes one step for each byte of a text, whatever the pattern", () => {
    const text = Bytes.owned(61440);
    memory.fill(text.ptr, 0x61, text.size);
    expect(compiled("(a+)+").matches(text)).toBe(true);
    expect(compiled("(a+)+$b|(a|aa)*c").matches(text)).toBe(false);
    expect(compiled("(a*)*(a*)*(a*)*(a*)*x").matches(text)).toBe(false);
  });
});

describe("a pattern that is refused", () => {
  it("is wrong, as for RE2", () => {
    expect(faultOf("a**")).toBe("has a repeat '*' of a repeat at byte 2");
    expect(faultOf("*a")).toBe("has a repeat '*' of nothing at byte 0");
    expect(faultOf("a{2,1}")).toBe("has a repeat '{2,1}' that ends before it begins at byte 1");
    expect(faultOf("a{1001}")).toBe("has a repeat '{1001}' above 1000 at byte 1");
    expect(faultOf("((a{1,100}){1,100}){1,100}")).toBe(
      "has repeats within each other that come to more than 1000 at byte 11",
    );
    expect(faultOf("(a")).toBe("has a '(' without its ')' at byte 0");
    expect(faultOf("a)")).toBe("has a ')' without its '(' at byte 1");
    expect(faultOf("[a")).toBe("has a '[' without its ']' at byte 0");
    expect(faultOf("[b-a]")).toBe("has a range 'b-a' that ends before it begins at byte 1");
    expect(faultOf("[[:foo:]]")).toBe("has an unknown class '[:foo:]' at byte 1");
    expect(faultOf("a\\")).toBe("ends in a backslash at byte 1");
    expect(faultOf("\\y")).toBe("has an unknown escape '\\y' at byte 0");
    expect(faultOf("(?=a)")).toBe("has a group '(?=…' that is not supported at byte 0");
  });

  it("is one that RE2 takes, and that has no place here", () => {
    expect(faultOf("\\pL")).toBe("has a Unicode class, as \\p and \\P, which is not supported at byte 0");
    expect(faultOf("(?i)é")).toBe(
      "ignores the case of characters beyond ASCII, which is not supported, at byte 4",
    );
    expect(faultOf("(?P<name>a)")).toBe("has a group '(?P…' that is not supported at byte 0");
    expect(faultOf("(".repeat(101) + ")".repeat(101))).toBe(
      "has more than 100 groups within each other at byte 100",
    );
  });

  it("has too many states, or is too much work", () => {
    expect(faultOf("(a|b)*a(a|b){13}")).toBe("needs an automaton of more than 4096 states");
    expect(faultOf("((?:[^x]{20}){25}y?){2}.{1000}")).toBe("is too long with its repeats written out");
    expect(faultOf("([a-z]?){1000}([0-9]?){900}")).toBe("needs too much work to become an automaton");
  });
});
