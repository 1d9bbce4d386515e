// Scenarios that nobody thought of, in the in-process host and in stock Envoy: those that
// `agreement.test.ts` leaves of its seed.

import { describeAgreement, SEED } from "./agreement.js";
import { generated } from "./generate.js";

const GENERATED = 240;

describeAgreement({ [`generated, seed ${SEED}`]: generated(SEED, GENERATED) });
