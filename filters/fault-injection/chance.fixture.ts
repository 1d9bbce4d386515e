// For specs: a request whose draws are as random as the host's, but can be repeated.

import { ListedRequest } from "../../assembly/rules/request.fixture";
import { RequestSlots } from "../../assembly/rules/request-view";
import { Random } from "../../assembly/text/seeded-random";

export class ChancyRequest extends ListedRequest {
  private readonly random: Random;

  constructor(slots: RequestSlots, seed: u64) {
    super(slots);
    this.random = new Random(seed);
  }

  draw(bound: u32): u32 {
    this.draws++;
    return this.random.below(bound);
  }
}
