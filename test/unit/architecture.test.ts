/** What imports what (ARCHITECTURE.md), beyond what the lint rules see. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const SOURCES = new URL('../../src', import.meta.url).pathname;
/** A relative import or re-export: whether it is of types only, and of which file. */
const IMPORT = /^(?:import|export)( type)?\b[^;]*?\bfrom '(\.[^']+)\.js';/gm;

interface Import {
  readonly file: string;
  readonly typesOnly: boolean;
}

const imports = new Map(
  readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, importsOf(file)]),
);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCES, file), 'utf8');
  return Array.from(text.matchAll(IMPORT), ([, typesOnly, path]) => ({
    file: `${normalize(join(dirname(file), path))}.ts`,
    typesOnly: typesOnly !== undefined,
  }));
}

/** The files that are loaded when `file` is. */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const imported of imports.get(file) ?? []) if (!imported.typesOnly) loadedWith(imported.file, found);
  return found;
}

/** A way from `file` back to itself over imports of any kind; undefined when there is none. */
function circleFrom(file: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [file];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const imported of imports.get(at) ?? []) {
      if (!cameFrom.has(imported.file)) waiting.push(imported.file);
      if (!cameFrom.has(imported.file)) cameFrom.set(imported.file, at);
      if (imported.file === file) return wayTo(file, cameFrom);
    }
  }
  return undefined;
}

function wayTo(file: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [file];
  for (let at = cameFrom.get(file); at !== undefined && at !== file; at = cameFrom.get(at)) way.unshift(at);
  return [file, ...way];
}

describe('imports', () => {
  test('are of files that are there', () => {
    expect(imports.size).toBeGreaterThan(100);
    const missing = [...imports.values()].flat().filter(({ file }) => !imports.has(file));
    expect(missing).toEqual([]);
  });

  // The lint rule does not look at imports of types: they are no circle when the program runs, but to whoever reads it.
  test('make no circle, of types neither', () => {
    const circles = [...imports.keys()].flatMap((file) => circleFrom(file)?.join(' → ') ?? []);
    expect(circles).toEqual([]);
  });

  test('do not load the commands into the thread that executes none', () => {
    for (const file of ['cli/serve.ts', 'server/server.ts', 'server/embedded.ts']) {
      expect(loadedWith(file), file).not.toContain('commands/table.ts');
      expect(loadedWith(file), file).not.toContain('commands/all.ts');
    }
    expect(loadedWith('server/worker.ts')).toContain('commands/all.ts');
  });
});
