/** Building Ashlar before it is measured; the other servers can be measured without it. */

import { prepare } from '../../scripts/steps/prepare.mjs';
import { StepError, say } from '../../scripts/steps/run.mjs';

/** Builds what is out of date; a failure is said, and what was built before is measured. */
export function prepareOrSay() {
  try {
    prepare({ tests: true });
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    say(`Ashlar could not be built, going on without it or as it was: ${error.message}`);
  }
}
