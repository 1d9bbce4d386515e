import { endCallback } from "../abi/memory";
import { HeaderEdit } from "../bundle-link";
import { Bytes } from "../text/bytes";
import { encodePairs, HeaderPairs } from "../text/header-pairs";
import { PairsSnapshot } from "./pairs-snapshot";

const SCOPE: u32 = 7;
const snapshot = new PairsSnapshot();

function b(text: string): Bytes {
  return Bytes.of(text);
}

function listed(): string {
  const encoded = snapshot.current(SCOPE);
  if (!encoded) return "dropped";
  const pairs = HeaderPairs.over(encoded);
  let text = "";
  while (pairs.next()) text += pairs.name.toString() + "=" + pairs.value.toString() + ";";
  return text;
}

describe("PairsSnapshot", () => {
  beforeEach(() => {
    const pairs: StaticArray<Bytes> = [
      b(":path"),
      b("/"),
      b("a"),
      b("1"),
      b("twice"),
      b("x"),
      b("twice"),
      b("y"),
    ];
    snapshot.keep(encodePairs(pairs), SCOPE);
  });

  afterEach(() => {
    endCallback();
  });

  it("holds what the host gave, in that scope only", () => {
    expect(listed()).toBe(":path=/;a=1;twice=x;twice=y;");
    expect(snapshot.current(SCOPE + 1)).toBeNull();
  });

  it("shows edits in their order", () => {
    snapshot.edited(HeaderEdit.Add, b("new"), b("2"));
    snapshot.edited(HeaderEdit.Replace, b("a"), b("longer"));
    snapshot.edited(HeaderEdit.Remove, b("twice"), b("twice"));
    snapshot.edited(HeaderEdit.Remove, b("absent"), b("absent"));
    snapshot.edited(HeaderEdit.Replace, b("fresh"), b(""));
    expect(listed()).toBe(":path=/;new=2;a=longer;fresh=;");
    snapshot.edited(HeaderEdit.Remove, b("new"), b("new"));
    snapshot.edited(HeaderEdit.Add, b("new"), b("3"));
    expect(listed()).toBe(":path=/;a=longer;fresh=;new=3;");
  });

  it("keeps what was written, whatever happens to the caller's bytes", () => {
    const value = b("before");
    snapshot.edited(HeaderEdit.Add, b("new"), value);
    store<u8>(value.ptr, 0x58);
    expect(listed()).toBe(":path=/;a=1;twice=x;twice=y;new=before;");
  });

  it("is dropped when Envoy does more than the edit says", () => {
    snapshot.edited(HeaderEdit.Add, b("a"), b("2"));
    expect(listed()).toBe("dropped");
  });

  it("has one header, at the end, after a repeated header is replaced", () => {
    snapshot.edited(HeaderEdit.Replace, b("twice"), b("z"));
    snapshot.edited(HeaderEdit.Add, b("new"), b("2"));
    expect(listed()).toBe(":path=/;a=1;twice=z;new=2;");
  });

  it("is dropped for names that Envoy treats specially", () => {
    const names: StaticArray<string> = [":path", "host", "Upper", ""];
    for (let i = 0; i < names.length; i++) {
      snapshot.keep(encodePairs([b("a"), b("1")]), SCOPE);
      snapshot.edited(HeaderEdit.Add, b(names[i]), b("v"));
      expect(listed()).toBe("dropped", names[i]);
    }
  });

  it("is dropped for more edits than it has room for", () => {
    for (let i = 0; i < 17; i++) snapshot.edited(HeaderEdit.Add, b("n" + i.toString()), b("v"));
    expect(listed()).toBe("dropped");
  });
});
