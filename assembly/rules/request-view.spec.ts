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
    const request = requestOf(5);
    send(request, ["x-z= yes"], 5, 10);
    request.walks = 0;
    request.fetched = 0;
    send(request, ["x-z= yes"], 5, 100);
    expect(request.walks).toBe(0);
    expect(request.fetched).toBe(500);
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
    const request = requestOf(5);
    const many = ["x-a= yes", "x-b= yes", "x-c= yes", "x-d= yes", "x-e= yes"];
    send(request, [], 5, 1000);
    send(request, many, 5, 10);
    request.walks = 0;
    send(request, many, 5, 10);
    expect(request.walks).toBe(10);
    send(request, [], 5, 50);
    request.walks = 0;
    send(request, [], 5, 10);
    expect(request.walks).toBe(0);
  });

  it("are read one by one where only one of many is asked for", () => {
    const request = requestOf(5);
    send(request, ["x-a= yes", "x-b= yes"], 1, 10);
    request.walks = 0;
    send(request, ["x-a= yes", "x-b= yes"], 1, 10);
    expect(request.walks).toBe(0);
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
    expect(request.walks).toBe(5);
    expect(request.fetched).toBe(10);
  });
});
