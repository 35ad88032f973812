/** What `import ... from 'ashlar'` offers: the public list, and no logic. */

export { AshlarError, type ErrorCode, isAshlarError } from './base/errors.js';
export type { PolicyName } from './engine/control.js';
export type { ExpiryLag } from './engine/expiry/lag.js';
export {
  Ashlar,
  type AshlarHandle,
  type AttachOptions,
  type SetOptions,
  type Value,
} from './library/ashlar.js';
export { type Codec, codecs } from './library/codecs.js';
export type { Key } from './library/key-bytes.js';
export type { ScanOptions } from './library/key-scan.js';
export type { Door, ListenOptions } from './library/listen.js';
export type { Loader, LoadOptions } from './library/loading.js';
export type { CreateOptions } from './library/options.js';
export type { CacheStats } from './library/stats.js';
