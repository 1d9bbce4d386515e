import { Bytes } from "../text/bytes";
import { ListedRequest } from "./request.fixture";
import { RequestSlots } from "./request-view";

const NAMES: StaticArray<string> = ["x-a", "x-b", "x-c", "x-d", "x-e"];

/** A request of which that many headers are asked for. */
function requestOf(names: i32): ListedRequest {
  const slots = new RequestSlots();
  for (let i = 0; i < names; i++) slots.header(Bytes.of(NAMES[i]));
  return new ListedRequest(slots);
}

/** Sends that many requests with these headers, and asks each for the first `asked` headers. */
function send(request: ListedRequest, lines: Array<string>, asked: i32, times: i32): void {
  for (let i = 0; i < times; i++) {
    request.start(lines);
    for (let slot = 0; slot < asked; slot++) {
      const value = request.header(slot);
      if (lines.includes(NAMES[slot] + "= yes")) expect(value!.toString()).toBe("yes");
      else expect(value == null).toBe(true);
    }
  }
}

describe("the headers of a request", () => {
  it("are read one by one once requests have few of those asked for", () => {
    const request = requestOf(4);
    send(request, ["x-z= yes"], 4, 10);
    request.walks = 0;
    request.fetched = 0;
    send(request, ["x-z= yes"], 4, 100);
    expect(request.walks).toBe(0);
    expect(request.fetched).toBe(400);
  });

  it("are read at once once requests have several of those asked for", () => {
    const request = requestOf(3);
    const lines = ["x-a= yes", "x-b= yes", "x-c= yes"];
    send(request, lines, 3, 10);
    request.walks = 0;
    request.fetched = 0;
    send(request, lines, 3, 100);
    expect(request.walks).toBe(100);
    expect(request.fetched).toBe(0);
  });

  it("are read in the way of the newest requests when these change", () => {
    const request = requestOf(3);
    const many = ["x-a= yes", "x-b= yes", "x-c= yes"];
    send(request, [], 3, 1000);
    send(request, many, 3, 10);
    request.walks = 0;
    send(request, many, 3, 10);
    expect(request.walks).toBe(10);
    send(request, [], 3, 100);
    request.walks = 0;
    send(request, [], 3, 10);
    expect(request.walks).toBe(0);
  });

  it("are read one by one where only one of many is asked for, and absent", () => {
    const request = requestOf(5);
    send(request, ["x-b= yes", "x-c= yes"], 1, 20);
    request.walks = 0;
    send(request, ["x-b= yes", "x-c= yes"], 1, 10);
    expect(request.walks).toBe(0);
  });

  it("are read at once where the last request had the one that is asked for", () => {
    const request = requestOf(1);
    send(request, ["x-a= yes"], 1, 10);
    expect(request.walks).toBe(10);
    expect(request.fetched).toBe(0);
    send(request, [], 1, 10);
    expect(request.walks).toBe(11);
    expect(request.fetched).toBe(9);
    send(request, ["x-a= yes"], 1, 10);
    expect(request.walks).toBe(21);
    expect(request.fetched).toBe(10);
  });

  it("are not read at once for a pseudo-header alone, which has one line", () => {
    const slots = new RequestSlots();
    slots.needPath();
    const request = new ListedRequest(slots);
    for (let i = 0; i < 10; i++) {
      request.start([":path= /a", "x-a= yes"]);
      expect(request.path()!.toString()).toBe("/a");
    }
    expect(request.walks).toBe(0);
    expect(request.fetched).toBe(10);
  });

  it("are read at once for a pseudo-header and another one, even if that is absent", () => {
    const slots = new RequestSlots();
    slots.needPath();
    const other = slots.header(Bytes.of("x-a"));
    const request = new ListedRequest(slots);
    for (let i = 0; i < 11; i++) {
      if (i == 1) request.walks = 0;
      request.start([":path= /a", "x-b= yes"]);
      expect(request.path()!.toString()).toBe("/a");
      expect(request.header(other) == null).toBe(true);
    }
    expect(request.walks).toBe(10);
  });

  it("are read at once where that costs nothing", () => {
    const request = requestOf(2);
    request.knows = true;
    send(request, ["x-a= yes"], 2, 10);
    expect(request.walks).toBe(10);
    expect(request.fetched).toBe(0);
  });

  it("keep all their lines, whichever way they are read", () => {
    const request = requestOf(2);
    const lines = ["x-a= 1", "x-c= 2", "x-a= 3"];
    for (let i = 0; i < 10; i++) {
      request.start(lines);
      expect(request.header(0)!.toString()).toBe("1,3");
      if (i % 2 == 1) continue;
      expect(request.count(0)).toBe(2);
      expect(request.header(0)!.toString()).toBe("1,3");
      expect(request.header(1) == null).toBe(true);
    }
  });

  it("keep all their lines where the last request had none", () => {
    const request = requestOf(1);
    for (let i = 0; i < 10; i++) {
      request.start([]);
      expect(request.header(0) == null).toBe(true);
      request.start(["x-a= 1", "x-c= 2", "x-a= 3"]);
      expect(request.header(0)!.toString()).toBe("1,3");
      expect(request.count(0)).toBe(2);
    }
  });
});
