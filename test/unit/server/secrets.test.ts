/** Which arguments are never shown, and how bytes are shown in the feed of MONITOR. */

import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/commands/all.js';
import type { Request } from '../../../src/commands/request.js';
import { quoted } from '../../../src/server/monitor.js';
import { REDACTED, replacements, secretArguments } from '../../../src/server/secrets.js';

function secrets(line: string): number[] {
  const args = line.split(' ');
  const lower = args[0].toLowerCase();
  const id = COMMANDS.id(`${lower}|${args[1]?.toLowerCase()}`);
  const entry = COMMANDS.entries[id < 0 ? COMMANDS.id(lower) : id];
  const request = { argc: args.length, text: (index: number) => args[index] } as unknown as Request;
  return [...secretArguments(request, entry, (name) => name.toLowerCase() === 'requirepass')];
}

describe('secrets', () => {
  it.each([
    ['AUTH secret', [1]],
    ['auth default secret', [1, 2]],
    ['HELLO 3 AUTH default secret SETNAME x', [3, 4]],
    ['hello 3 setname auth auth default secret', [5, 6]],
    ['HELLO 3', []],
    ['CONFIG SET timeout 1 RequirePass secret', [5]],
    ['CONFIG GET requirepass', []],
    ['SET auth secret', []],
  ])('%s', (line, expected) => {
    expect(secrets(line)).toEqual(expected);
  });
});

describe('Memcached commands', () => {
  function shown(name: string): Map<number, string> {
    const entry = COMMANDS.entries.find((other) => other.name === name);
    if (entry === undefined) throw new Error(`no command ${name}`);
    const found = replacements({ argc: 4 } as Request, entry, () => false);
    return new Map([...found].map(([index, bytes]) => [index, Buffer.from(bytes).toString()]));
  }

  it('are shown by their full names', () => {
    expect(shown('memcached|unknown')).toEqual(new Map([[0, 'memcached|unknown']]));
    expect(shown('memcached|binary-unknown')).toEqual(new Map([[0, 'memcached|binary-unknown']]));
  });

  it.each(['memcached|binary-sasl-auth', 'memcached|binary-sasl-step'])('%s shows no password', (name) => {
    expect(shown(name).get(3)).toBe(Buffer.from(REDACTED).toString());
  });
});

describe('quoted', () => {
  it.each([
    ['plain text', '"plain text"'],
    ['', '""'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\n\r\t\x07\b', '"\\n\\r\\t\\a\\b"'],
    ['\0\x7f\xff', '"\\x00\\x7f\\xff"'],
  ])('%j', (text, expected) => {
    const bytes = Buffer.from(`<${text}>`, 'latin1');
    expect(quoted(bytes, 1, bytes.length - 2)).toBe(expected);
  });
});
