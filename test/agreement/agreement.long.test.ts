// Random scenarios in the in-process host and in stock Envoy: those of the seed that
// `agreement.test.ts` leaves out.

import { describeAgreement, SEED } from "./agreement.js";
import { generated } from "./generate.js";

const GENERATED = 240;

describeAgreement({ [`generated, seed ${SEED}`]: generated(SEED, GENERATED) });
