/**
 * The options of SET and GETEX, and the deadlines that commands are given.
 *
 * Redis's rules, which are not all alike: EX, PX, EXAT, PXAT, KEEPTTL and PERSIST exclude each other but may be repeated (the last one counts);
 * NX, XX and IFEQ (Valkey's) exclude each other; a number that is wrong is found only after all options have been read.
 */

import { asciiBytes } from '../base/bytes.js';
import { INT64_MAX } from '../base/numbers.js';
import { invalidExpire, NOT_INTEGER, SYNTAX } from './replies.js';
import type { Request } from './request.js';

export const OPTION_NX = 1;
export const OPTION_XX = 2;
export const OPTION_IFEQ = 4;
export const OPTION_GET = 8;
export const OPTION_KEEPTTL = 16;
export const OPTION_PERSIST = 32;
const OPTION_EX = 64;
const OPTION_PX = 128;
const OPTION_EXAT = 256;
const OPTION_PXAT = 512;

/** A deadline was given. */
export const OPTIONS_DEADLINE = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT;
/** A deadline was given as a point in time. */
export const OPTIONS_ABSOLUTE = OPTION_EXAT | OPTION_PXAT;
/** The value is stored only if. */
export const OPTIONS_CONDITION = OPTION_NX | OPTION_XX | OPTION_IFEQ;

const OPTIONS_TTL = OPTIONS_DEADLINE | OPTION_KEEPTTL | OPTION_PERSIST;

/** The latest deadline that is kept exactly: Redis has 64 bits for it, and what is later (in 285,000 years) is as good as this. */
const DEADLINE_MAX = Number.MAX_SAFE_INTEGER;

/** How a deadline is given. */
export interface DeadlineKind {
  /** Milliseconds of its unit. */
  readonly unit: 1 | 1000;
  /** Counted from now. */
  readonly relative: boolean;
}

export const SECONDS_FROM_NOW: DeadlineKind = { unit: 1000, relative: true };
export const MILLISECONDS_FROM_NOW: DeadlineKind = { unit: 1, relative: true };
const SECONDS_SINCE_1970: DeadlineKind = { unit: 1000, relative: false };
const MILLISECONDS_SINCE_1970: DeadlineKind = { unit: 1, relative: false };

interface Option {
  readonly name: Uint8Array;
  readonly flag: number;
  /** Options that must not have come before it. */
  readonly excludes: number;
  readonly hasArgument: boolean;
}

function option(name: string, flag: number, excludes: number, hasArgument = false): Option {
  return { name: asciiBytes(name), flag, excludes, hasArgument };
}

const DEADLINE_OPTIONS = [
  option('ex', OPTION_EX, OPTIONS_TTL & ~OPTION_EX, true),
  option('px', OPTION_PX, OPTIONS_TTL & ~OPTION_PX, true),
  option('exat', OPTION_EXAT, OPTIONS_TTL & ~OPTION_EXAT, true),
  option('pxat', OPTION_PXAT, OPTIONS_TTL & ~OPTION_PXAT, true),
];

const SET_OPTIONS: readonly Option[] = [
  ...DEADLINE_OPTIONS,
  option('nx', OPTION_NX, OPTIONS_CONDITION & ~OPTION_NX),
  option('xx', OPTION_XX, OPTIONS_CONDITION & ~OPTION_XX),
  option('get', OPTION_GET, 0),
  option('keepttl', OPTION_KEEPTTL, OPTIONS_TTL & ~OPTION_KEEPTTL),
  option('ifeq', OPTION_IFEQ, OPTIONS_CONDITION, true),
];

const GETEX_OPTIONS: readonly Option[] = [
  ...DEADLINE_OPTIONS,
  option('persist', OPTION_PERSIST, OPTIONS_TTL & ~OPTION_PERSIST),
];

/** The options of the command that is being executed: one object for each command family, filled anew each time. */
export class StringOptions {
  /** OPTION_ bits. */
  flags = 0;
  /** Index of the argument that IFEQ compares with. */
  comparison = 0;
  private deadlineIndex = 0;

  /** Reads the options of a SET, from argument 3 on. Returns false when it answered an error. */
  readSet(request: Request): boolean {
    return this.read(request, 3, SET_OPTIONS);
  }

  /** Reads the options of a GETEX, from argument 2 on. Returns false when it answered an error. */
  readGetex(request: Request): boolean {
    return this.read(request, 2, GETEX_OPTIONS);
  }

  /** Reads the options EX, PX, EXAT and PXAT from an argument on. Returns false when it answered an error. */
  readDeadline(request: Request, first: number): boolean {
    return this.read(request, first, DEADLINE_OPTIONS);
  }

  /**
   * The deadline that was given, in milliseconds since 1970.
   * @param command name for the error
   * @returns 0 when an error was answered
   */
  deadline(request: Request, command: string): number {
    return deadlineArgument(request, this.deadlineIndex, kindOf(this.flags), command);
  }

  private read(request: Request, first: number, known: readonly Option[]): boolean {
    this.flags = 0;
    for (let index = first; index < request.argc; index++) {
      const found = findOption(request, index, known);
      if (
        found === undefined ||
        (this.flags & found.excludes) !== 0 ||
        (found.hasArgument && index + 1 === request.argc)
      ) {
        request.reply.error(SYNTAX);
        return false;
      }
      this.flags |= found.flag;
      if (!found.hasArgument) continue;
      index++;
      if (found.flag === OPTION_IFEQ) this.comparison = index;
      else this.deadlineIndex = index;
    }
    return true;
  }
}

function findOption(request: Request, index: number, known: readonly Option[]): Option | undefined {
  for (let i = 0; i < known.length; i++) if (request.is(index, known[i].name)) return known[i];
  return undefined;
}

function kindOf(flags: number): DeadlineKind {
  if ((flags & OPTION_EX) !== 0) return SECONDS_FROM_NOW;
  if ((flags & OPTION_PX) !== 0) return MILLISECONDS_FROM_NOW;
  return (flags & OPTION_EXAT) !== 0 ? SECONDS_SINCE_1970 : MILLISECONDS_SINCE_1970;
}

/**
 * An argument as a deadline, in milliseconds since 1970; it may have passed. It must be positive as it is given.
 * @param command name for the error
 * @returns 0 when an error was answered
 */
export function deadlineArgument(request: Request, index: number, kind: DeadlineKind, command: string): number {
  const value = request.integer(index);
  if (Number.isNaN(value)) return distantDeadline(request, index, kind, command);
  if (value <= 0) {
    request.reply.error(invalidExpire(command));
    return 0;
  }
  // A safe integer of seconds is within 64 bits as milliseconds too.
  return Math.min(DEADLINE_MAX, value * kind.unit + (kind.relative ? request.clock.now : 0));
}

/** What is no safe integer: a deadline beyond all measure, if it fits 64 bits, or an error. */
function distantDeadline(request: Request, index: number, kind: DeadlineKind, command: string): number {
  const value = request.bigInteger(index);
  if (value === undefined) {
    request.reply.error(NOT_INTEGER);
    return 0;
  }
  const deadline = value * BigInt(kind.unit) + (kind.relative ? BigInt(request.clock.now) : 0n);
  if (value > 0n && deadline <= INT64_MAX) return DEADLINE_MAX;
  request.reply.error(invalidExpire(command));
  return 0;
}
