import { ListedRequest } from "../../assembly/rules/request.fixture";
import { RequestSlots } from "../../assembly/rules/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { Callers, Per } from "./callers";

const MOST: i32 = 1024;
const HEADER = Bytes.of("x-caller");
const ROUTE = Bytes.of("xds\0route_name");
const VALUES: i32 = 64;

function callersOf(secret: string): Callers {
  const callers = new Callers(Per.Header, 0, MOST, HEADER);
  callers.seed(Bytes.of(secret));
  return callers;
}

function request(lines: Array<string>): ListedRequest {
  const slots = new RequestSlots();
  slots.headers.slotOf(HEADER);
  slots.attributes.slotOf(ROUTE);
  const request = new ListedRequest(slots);
  request.start(lines);
  return request;
}

/** How many of the values get the same number with both secrets. */
function same(one: string, other: string): i32 {
  let count = 0;
  for (let i = 0; i < VALUES; i++) {
    const asked = request([`x-caller= caller-${i}`]);
    if (callersOf(one).of(asked) == callersOf(other).of(asked)) count++;
  }
  return count;
}

describe("callers by a header", () => {
  it("have the same number in every VM that knows the secret, which nobody else knows", () => {
    expect(same("0123456789abcdef", "0123456789abcdef")).toBe(VALUES);
    // By chance one of them does in sixteen tries.
    expect(same("0123456789abcdef", "fedcba9876543210")).toBeLessThan(4);
    expect(same("0123456789abcdef", "0123456789abcdeF")).toBeLessThan(4);
  });

  it("are no more than the maximum, and those without the header are one more", () => {
    const callers = callersOf("0123456789abcdef");
    for (let i = 0; i < 4 * MOST; i++) {
      const number = callers.of(request([`x-caller= caller-${i}`]));
      expect(number >= 0 && number < MOST).toBe(true);
    }
    expect(callers.of(request([]))).toBe(MOST);
    expect(callers.of(request(["x-caller= "])) < MOST).toBe(true);
  });
});

describe("callers by a name", () => {
  it("have a number each, while there is room, and keep it", () => {
    const callers = new Callers(Per.Route, 0, 2, HEADER);
    const numbers: Array<i32> = [];
    const names: StaticArray<string> = ["a", "b", "c", "a", "b", "d"];
    for (let i = 0; i < names.length; i++) numbers.push(callers.of(request([`xds.route_name= ${names[i]}`])));
    expect(numbers).toStrictEqual([0, 1, 2, 0, 1, 2]);
    expect(callers.of(request([]))).toBe(2);
    expect(callers.idOf(0)).not.toBe(callers.idOf(1));
  });

  it("are one, with the id of its name, where the configuration names it", () => {
    const named = new Callers(Per.Cluster, -1, 1, HEADER, Bytes.of("a"));
    const asked = new Callers(Per.Cluster, 0, 2, HEADER);
    expect(asked.of(request(["xds.route_name= a"]))).toBe(0);
    expect(named.of(request([]))).toBe(0);
    expect(named.idOf(0)).toBe(asked.idOf(0));
  });
});
