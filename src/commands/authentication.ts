/**
 * Who a client is. There is one user, `default`, whose password is `requirepass`; without one, any password is right for it, as in Redis. All doors ask
 * here: AUTH and HELLO, Memcached's text authentication and its SASL.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from './request.js';

export const DEFAULT_USER = 'default';

/** Compared in the place of passwords, so that the time it takes tells nothing of them. */
function digest(bytes: Uint8Array | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/**
 * Authenticates the request's client, and answers nothing.
 * @returns whether user and password are right; when they are not, the client stays what it was
 */
export function authenticate({ client, server }: Request, user: string, password: Uint8Array): boolean {
  const required = server.requirePassword;
  const right = required === '' || timingSafeEqual(digest(password), digest(required));
  if (user !== DEFAULT_USER || !right) {
    server.countAuthFailure();
    return false;
  }
  client.user = DEFAULT_USER;
  if (!client.authenticated) {
    client.authenticated = true;
    server.clientChanged(client);
  }
  return true;
}
