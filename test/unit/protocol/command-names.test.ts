/** Names of commands, in any case, between other bytes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import { CommandNames, NO_COMMAND } from '../../../src/protocol/command-names.js';

const NAMES = [
  ...Array.from({ length: 300 }, (_, i) => `command${i}`),
  'get',
  'set',
  'getset',
  'psetex',
  'a',
  'x'.repeat(100),
  `${'x'.repeat(99)}y`,
];

function tableOf(names: readonly string[]): CommandNames {
  return new CommandNames(names.map((name) => ({ name, firstKey: 0, lastKey: 0, keyStep: 0 })));
}

function find(table: CommandNames, text: string): number {
  return table.find(asciiBytes(`get${text}set`), 3, text.length);
}

describe('CommandNames', () => {
  const table = tableOf(NAMES);

  it('finds every name in either case', () => {
    NAMES.forEach((name, id) => {
      expect(find(table, name)).toBe(id);
      expect(find(table, name.toUpperCase())).toBe(id);
    });
  });

  it('finds nothing else', () => {
    for (const text of [
      '',
      'ge',
      'gets',
      'g\x45\x54x',
      '\x07et',
      'command',
      'command300',
      'x'.repeat(99),
      'x'.repeat(101),
    ]) {
      expect(find(table, text)).toBe(NO_COMMAND);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        const id = NAMES.indexOf(text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
        expect(find(table, text)).toBe(id);
      }),
    );
  });

  it('can be empty', () => {
    expect(find(tableOf([]), 'get')).toBe(NO_COMMAND);
  });
});
