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

describe('imports', () => {
  test('are of files that are there', () => {
    expect(imports.size).toBeGreaterThan(100);
    const missing = [...imports.values()].flat().filter(({ file }) => !imports.has(file));
    expect(missing).toEqual([]);
  });

  test('do not load the commands into the thread that executes none', () => {
    for (const file of ['cli/serve.ts', 'server/server.ts', 'server/embedded.ts']) {
      expect(loadedWith(file), file).not.toContain('commands/table.ts');
      expect(loadedWith(file), file).not.toContain('commands/all.ts');
    }
    expect(loadedWith('server/worker.ts')).toContain('commands/all.ts');
  });
});
