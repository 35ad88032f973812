/** What the string commands answer: every option, reply and error of Redis 7.2, and what ours has beyond it. */

import { type Case, error, OK } from './harness.js';

const WRONGTYPE = error('WRONGTYPE Operation against a key holding the wrong kind of value');

export const STRING_CASES: readonly Case[] = [
  {
    name: 'GET of what SET stored',
    steps: [
      ['SET k v', OK],
      ['GET k', 'v'],
      ['GET none', null],
    ],
  },
  {
    name: 'GET of a list',
    steps: [
      ['LPUSH l x', 1],
      ['GET l', WRONGTYPE],
    ],
    ashlarOnly: 'sample',
  },
];
