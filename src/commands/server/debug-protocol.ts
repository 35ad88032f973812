/** DEBUG PROTOCOL: a reply of each kind, for the tests of client libraries. */

import type { ReplyWriter } from '../../protocol/resp/reply.js';

const BIG_NUMBER = 1234567999999999999999999999999999999n;
const UNKNOWN =
  'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false';

function numbers(reply: ReplyWriter): void {
  for (let i = 0; i < 3; i++) reply.integer(i);
}

function map(reply: ReplyWriter): void {
  reply.map(3);
  for (let i = 0; i < 3; i++) {
    reply.integer(i);
    reply.boolean(i === 1);
  }
}

/** An attribute is no reply: one follows it. */
function attribute(reply: ReplyWriter): void {
  if (reply.protocol === 3) {
    reply.attribute(1);
    reply.bulkAscii('key-popularity');
    reply.array(2);
    reply.bulkAscii('key:123');
    reply.integer(90);
  }
  reply.bulkAscii('Some real reply following the attribute');
}

/** Neither is a push; one that a command causes comes after its reply. */
function push(reply: ReplyWriter): void {
  if (reply.protocol === 2) {
    reply.error('ERR RESP2 is not supported by this command');
    return;
  }
  reply.bulkAscii('Some real reply following the push reply');
  reply.push(2);
  reply.bulkAscii('server-cpu-usage');
  reply.integer(42);
}

const KINDS: Readonly<Record<string, (reply: ReplyWriter) => void>> = {
  string: (reply) => reply.bulkAscii('Hello World'),
  integer: (reply) => reply.integer(12345),
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the number that Redis answers.
  double: (reply) => reply.double(3.141),
  bignum: (reply) => reply.bigNumber(BIG_NUMBER),
  null: (reply) => reply.nullBulk(),
  array: (reply) => {
    reply.array(3);
    numbers(reply);
  },
  set: (reply) => {
    reply.set(3);
    numbers(reply);
  },
  map,
  attrib: attribute,
  push,
  verbatim: (reply) => reply.verbatim('txt', 'This is a verbatim\nstring'),
  true: (reply) => reply.boolean(true),
  false: (reply) => reply.boolean(false),
};

export function replyOfKind(reply: ReplyWriter, kind: string): void {
  const write = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (write === undefined) reply.error(UNKNOWN);
  else write(reply);
}
