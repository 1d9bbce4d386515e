import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { ChancyRequest } from "./chance.fixture";
import { ClientFaults } from "./client-faults";
import { FaultInjectionConfig } from "./config";
import { NO_DELAY } from "./delay";
import { Outcome } from "./policy";

const DELAY = "x-envoy-fault-delay-request= ";
const ABORT = "x-envoy-fault-abort-request= ";
const GRPC_ABORT = "x-envoy-fault-abort-grpc-request= ";
const PERCENTAGE = "x-envoy-fault-percentage= ";

class Asked {
  readonly client: ClientFaults;
  readonly request: ChancyRequest;

  constructor(options: string) {
    const document = Config.parse(Bytes.of('{"rules":[],"clientFaults":' + options + "}"));
    const config = new FaultInjectionConfig(document.root);
    expect(document.error).toBe("");
    this.client = config.clientFaults!;
    this.request = new ChancyRequest(config.slots, 3);
  }

  by(lines: Array<string>): bool {
    this.request.start(lines);
    return this.client.asks(this.request);
  }

  /** How many of 10,000 such requests are drawn. */
  times(lines: Array<string>): i32 {
    let count = 0;
    for (let i = 0; i < 10_000; i++) {
      if (this.by(lines)) count++;
    }
    return count;
  }
}

describe("a client", () => {
  it("asks for nothing when it sends no header", () => {
    expect(new Asked("{}").by([])).toBe(false);
    expect(new Asked("{}").by([PERCENTAGE + "100"])).toBe(false);
  });

  it("asks for a delay, which is capped", () => {
    const asked = new Asked('{"maxDelay":"2s"}');
    expect(asked.by([DELAY + "150"])).toBe(true);
    expect(asked.client.delayMs).toBe(150);
    expect(asked.client.outcome).toBe(Outcome.Delayed);
    expect(asked.by([DELAY + "2001"])).toBe(true);
    expect(asked.client.delayMs).toBe(2000);
    expect(asked.by([DELAY + "999999999999999999"])).toBe(true);
    expect(asked.client.delayMs).toBe(2000);
    const usual = new Asked("{}");
    usual.by([DELAY + "60000"]);
    expect(usual.client.delayMs).toBe(10_000);
  });

  it("asks for an HTTP or a gRPC status", () => {
    const asked = new Asked("{}");
    expect(asked.by([ABORT + "418"])).toBe(true);
    expect(asked.client.abort!.status).toBe(418);
    expect(asked.client.delayMs).toBe(NO_DELAY);
    expect(asked.client.outcome).toBe(Outcome.Aborted);
    expect(asked.by([ABORT + "200", GRPC_ABORT + "14", DELAY + "5"])).toBe(true);
    expect(asked.client.abort!.status).toBe(503);
    expect(asked.client.abort!.grpcCode).toBe(14);
    expect(asked.client.delayMs).toBe(5);
    expect(asked.by([DELAY + "5"])).toBe(true);
    expect(asked.client.abort).toBeNull();
  });

  it("asks for nothing when its value is invalid", () => {
    const asked = new Asked("{}");
    const nonsense = [
      "",
      " 5",
      "5 ",
      "-5",
      "+5",
      "5ms",
      "0x10",
      "1e3",
      "5.0",
      "NaN",
      "\u0665",
      "9".repeat(19),
    ];
    for (let i = 0; i < nonsense.length; i++) {
      expect(asked.by([DELAY + nonsense[i]])).toBe(false, nonsense[i]);
      expect(asked.by([ABORT + nonsense[i]])).toBe(false, nonsense[i]);
      expect(asked.by([DELAY + "5", PERCENTAGE + nonsense[i]])).toBe(false, nonsense[i]);
    }
    const statuses = ["0", "1", "100", "199", "600", "999999999999999999"];
    for (let i = 0; i < statuses.length; i++)
      expect(asked.by([ABORT + statuses[i]])).toBe(false, statuses[i]);
    expect(asked.by([GRPC_ABORT + "0"])).toBe(false);
    expect(asked.by([GRPC_ABORT + "17"])).toBe(false);
  });

  it("asks for a percentage, which is capped", () => {
    const all = new Asked("{}");
    expect(all.times([ABORT + "503", PERCENTAGE + "100"])).toBe(10_000);
    expect(all.times([ABORT + "503", PERCENTAGE + "250"])).toBe(10_000);
    expect(all.times([ABORT + "503", PERCENTAGE + "0"])).toBe(0);
    const half = all.times([ABORT + "503", PERCENTAGE + "50"]);
    expect(half).toBeGreaterThan(4800);
    expect(half).toBeLessThan(5200);
    const few = new Asked('{"maxPercentage":0.5}').times([ABORT + "503"]);
    expect(few).toBeGreaterThan(20);
    expect(few).toBeLessThan(90);
  });

  it("is not held with a body that says it is longer than may be", () => {
    const asked = new Asked('{"maxBodyBytes":1000}');
    const isTooLong = (asked: Asked, length: string): bool => {
      expect(asked.by([DELAY + "5", "content-length= " + length])).toBe(true);
      return asked.client.isTooLong(asked.request);
    };
    expect(isTooLong(asked, "1000")).toBe(false);
    expect(isTooLong(asked, "1001")).toBe(true);
    expect(isTooLong(asked, "999999999999999999")).toBe(true);
    expect(isTooLong(asked, "many")).toBe(false);
    expect(asked.by([DELAY + "5"])).toBe(true);
    expect(asked.client.isTooLong(asked.request)).toBe(false);
    expect(asked.by([ABORT + "503", "content-length= 1001"])).toBe(true);
    expect(asked.client.isTooLong(asked.request)).toBe(false);
    expect(isTooLong(new Asked("{}"), "1048576")).toBe(false);
    expect(isTooLong(new Asked("{}"), "1048577")).toBe(true);
  });

  it("must be allowed to ask", () => {
    const asked = new Asked(
      '{"match":{"headers":[{"name":"x-team","exact":"chaos"}]},"delayHeader":"x-delay"}',
    );
    expect(asked.by(["x-delay= 5"])).toBe(false);
    expect(asked.by(["x-delay= 5", "x-team= chaos"])).toBe(true);
    expect(asked.by([DELAY + "5", "x-team= chaos"])).toBe(false);
  });
});
