/**
 * COMMAND DOCS of our server beside that of the real redis-server, for every command that both have: the fields, and the facts in them (versions,
 * groups, the versions of what was changed and of words that came later). The sentences are our own.
 */

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Reply } from './resp-client.js';
import { atLeast, availableServers, RunningServer, redisVersion } from './servers.js';

const both = availableServers().length === 2;
const servers: RunningServer[] = [];

/** Where this version of Redis's commands says otherwise than the one that is ours. */
const SINCE: Readonly<Record<string, string>> = { 'client|pause': '2.9.50' };

type Fields = ReadonlyMap<string, Reply>;

function listOf({ value }: Reply): readonly Reply[] {
  return value as readonly Reply[];
}

function fieldsOf(reply: Reply): Fields {
  const words = listOf(reply);
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[String(word.value), words[i + 1]] as const] : [])));
}

/** By name, what is said of every command and subcommand. */
function flat(docs: Reply): Map<string, Fields> {
  const found = new Map<string, Fields>();
  for (const [name, reply] of fieldsOf(docs)) {
    const fields = fieldsOf(reply);
    found.set(name, fields);
    const subcommands = fields.get('subcommands');
    if (subcommands !== undefined) for (const [inner, value] of flat(subcommands)) found.set(inner, value);
  }
  return found;
}

/** `TOKEN since` of every argument that is younger than its command, or `TOKEN ~since` of those that are deprecated. */
function versionsOf(args: Reply | undefined): string[] {
  if (args === undefined) return [];
  return listOf(args).flatMap((argument) => {
    const fields = fieldsOf(argument);
    const word = fields.get('token')?.value ?? '';
    const since = fields.get('since');
    const deprecated = fields.get('deprecated_since');
    return [
      ...(since === undefined ? [] : [`${word} ${since.value}`]),
      ...(deprecated === undefined ? [] : [`${word} ~${deprecated.value}`]),
      ...versionsOf(fields.get('arguments')),
    ];
  });
}

/** Versions of the changes, each once: one version may have changed several things. */
function changesOf(fields: Fields): string[] {
  const history = fields.get('history');
  return [...new Set(history === undefined ? [] : listOf(history).map((change) => String(listOf(change)[0].value)))];
}

const isKnown = (version: string): boolean => atLeast(redisVersion ?? '0.0.0', version.replace(/^.*[ ~]/, ''));

beforeAll(async () => {
  if (both) servers.push(await RunningServer.start('ashlar'), await RunningServer.start('redis'));
});

afterAll(async () => {
  for (const server of servers) await server.stop();
});

test.runIf(both).each([2, 3])('agrees with Redis on every command that both have (RESP%i)', async (protocol) => {
  const [ours, theirs] = await Promise.all(
    servers.map(async (server) => {
      const client = await server.open();
      await client.command('HELLO', String(protocol));
      const docs = flat(await client.command('COMMAND', 'DOCS'));
      client.close();
      return docs;
    }),
  );
  const common = [...ours.keys()].filter((name) => theirs.has(name));
  expect(common.length).toBeGreaterThan(110);
  for (const name of common) {
    const [our, their] = [ours.get(name)!, theirs.get(name)!];
    expect(our.get('since')?.value, name).toBe(
      SINCE[name] === their.get('since')?.value ? '3.0.0' : their.get('since')?.value,
    );
    expect(our.get('group')?.value, name).toBe(their.get('group')?.value);
    expect(changesOf(our).filter(isKnown), name).toEqual(changesOf(their));
    expect(our.get('history')?.type, name).toBe(their.get('history')?.type ?? our.get('history')?.type);
    expect(versionsOf(our.get('arguments')).filter(isKnown).sort(), name).toEqual(
      versionsOf(their.get('arguments')).sort(),
    );
    // What is deprecated is so by a later version, and arguments of COMMAND GETKEYS are not told there.
    for (const field of their.keys()) expect(our.has(field), `${name} ${field}`).toBe(true);
  }
});

test.runIf(both)('says of what it changed what that is', async () => {
  const client = await servers[0].open();
  const docs = flat(await client.command('COMMAND', 'DOCS'));
  for (const [name, fields] of docs) {
    const history = fields.get('history');
    for (const change of history === undefined ? [] : listOf(history))
      expect(
        listOf(change).map(({ value }) => value),
        name,
      ).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), expect.stringMatching(/^\S.*\.$/)]);
  }
  client.close();
});
