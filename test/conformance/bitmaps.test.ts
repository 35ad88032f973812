/** Runs the bitmap cases. */

import { BITMAP_CASES } from './bitmaps.cases.js';
import { defineCases } from './harness.js';

defineCases('bitmaps', BITMAP_CASES);
