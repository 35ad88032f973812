/** Memcached's binary protocol, on our server and on the real memcached. */

import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest';
import { BINARY_CASES } from './memcached-binary.cases.js';
import { BinaryClient, flush } from './memcached-binary-client.js';
import { availableMemcached, type MemcachedServer, startMemcached } from './memcached-servers.js';

for (const name of availableMemcached()) {
  describe(`the binary protocol on ${name}`, () => {
    let server: MemcachedServer;

    beforeAll(async () => {
      server = await startMemcached(name);
    });
    afterAll(() => server.stop());

    beforeEach(async () => {
      const client = await BinaryClient.open(server.port);
      await client.ask(flush('flush'));
      client.close();
    });

    for (const { name: title, run, ashlarOnly, timeout } of BINARY_CASES) {
      test.skipIf(ashlarOnly !== undefined && name !== 'ashlar')(
        title,
        async () => {
          const client = await BinaryClient.open(server.port);
          try {
            await run(client, server);
          } finally {
            client.close();
          }
        },
        timeout,
      );
    }
  });
}
