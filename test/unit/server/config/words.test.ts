/** Words of a line: Redis's quoting, both ways. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteWord, splitWords } from '../../../../src/server/config/words.js';

describe('splitWords', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['   \t ', []],
    ['port 6379', ['port', '6379']],
    ['  bind\t127.0.0.1   ::1 \r', ['bind', '127.0.0.1', '::1']],
    ['save ""', ['save', '']],
    ["save ''", ['save', '']],
    ['requirepass "a b\\tc\\x41\\"\\\\"', ['requirepass', 'a b\tcA"\\']],
    ["requirepass 'a \\'b\\' \\n'", ['requirepass', "a 'b' \\n"]],
    ['requirepass "\\xc3\\xa4"', ['requirepass', 'ä']],
    ['logfile "/var/log/ä ö.log"', ['logfile', '/var/log/ä ö.log']],
    ['a"b c"', ['ab c']],
    ['requirepass voilà', ['requirepass', 'voilà']],
    ['logfile /var/à/log\xa0', ['logfile', '/var/à/log\xa0']],
    ['\v\fport\v6379\f', ['port', '6379']],
  ])('splits %j', (line, words) => expect(splitWords(line)).toEqual(words));

  it.each(['"open', "'open", '"a"b', "'a'b", 'a "b', '"a\\"'])('refuses %j', (line) =>
    expect(splitWords(line)).toBeUndefined(),
  );
});

describe('quoteWord', () => {
  it('leaves plain words alone', () => {
    expect(quoteWord('/var/run/ashlar.sock')).toBe('/var/run/ashlar.sock');
    expect(quoteWord('-::1')).toBe('-::1');
  });

  it('is undone by splitWords, whatever the text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.constantFrom('ä', '日本', '\u{1f600} x'));
    const property = fc.property(text, (word) => {
      expect(splitWords(`name ${quoteWord(word)}`)).toEqual(['name', word]);
    });
    fc.assert(property);
  });
});
