/**
 * INFO: the server's figures as text, in Redis's sections and under Redis's names wherever the thing exists here, and a section of our own for what
 * only exists here.
 *
 * What cannot exist (forks, replication streams, scripts) is given with the value that says so, where monitoring tools look for it.
 */

import { commandStatistics, errorStatistics, latencyStatistics } from './info-commands.js';
import { ashlarSection, clientsSection, keyspaceSection, memorySection, statsSection } from './info-figures.js';
import { keysizesSection } from './info-keys.js';
import { cpuSection, persistenceSection, replicationSection, serverSection } from './info-process.js';
import type { Field, InfoSources } from './info-sources.js';

interface Section {
  readonly title: string;
  /** Whether INFO without arguments shows it. */
  readonly standard: boolean;
  fields(sources: InfoSources): readonly Field[];
}

/** By name, in the order in which they are shown. */
const SECTIONS: Readonly<Record<string, Section>> = {
  server: { title: 'Server', standard: true, fields: serverSection },
  clients: { title: 'Clients', standard: true, fields: clientsSection },
  memory: { title: 'Memory', standard: true, fields: memorySection },
  persistence: { title: 'Persistence', standard: true, fields: persistenceSection },
  stats: { title: 'Stats', standard: true, fields: statsSection },
  replication: { title: 'Replication', standard: true, fields: replicationSection },
  cpu: { title: 'CPU', standard: true, fields: cpuSection },
  modules: { title: 'Modules', standard: true, fields: () => [] },
  commandstats: { title: 'Commandstats', standard: false, fields: commandStatistics },
  errorstats: { title: 'Errorstats', standard: true, fields: errorStatistics },
  latencystats: { title: 'Latencystats', standard: false, fields: latencyStatistics },
  cluster: { title: 'Cluster', standard: true, fields: () => [['cluster_enabled', 0]] },
  keyspace: { title: 'Keyspace', standard: true, fields: keyspaceSection },
  keysizes: { title: 'Keysizes', standard: false, fields: keysizesSection },
  ashlar: { title: 'Ashlar', standard: true, fields: ashlarSection },
};

/** Words that stand for several sections. */
const ALL_SECTIONS = ['all', 'everything'];

/** Which sections are asked for: `names` in lower case; none means the standard ones. */
function selected(names: readonly string[]): Section[] {
  const all = names.some((name) => ALL_SECTIONS.includes(name));
  const standard = names.length === 0 || names.includes('default');
  return Object.entries(SECTIONS)
    .filter(([name, section]) => all || (standard && section.standard) || names.includes(name))
    .map(([, section]) => section);
}

/** The text of INFO. */
export function infoText(sources: InfoSources, names: readonly string[]): string {
  return selected(names)
    .map((section) => {
      const lines = section.fields(sources).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${section.title}\r\n${lines.join('')}`;
    })
    .join('\r\n');
}
