/**
 * Random numbers from a seed: Chris Doty-Humphrey's sfc32, a small fast chaotic generator with 128 bits of state that
 * passes PractRand. It is passed to everything that chooses at random (victims of eviction, samples, jitter), so that
 * a run can be repeated from its seed. Not for secrets.
 */

/** Turns of the generator that mix the seed into the whole state, as its author has it. */
const WARM_UP_TURNS = 15;
const TWO_TO_32 = 0x1_0000_0000;

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** @param seed 32-bit words; the same words give the same numbers */
  constructor(seed: number, seed1 = 0, seed2 = 0) {
    this.a = seed | 0;
    this.b = seed1 | 0;
    this.c = seed2 | 0;
    for (let i = 0; i < WARM_UP_TURNS; i++) this.nextInt32();
  }

  /** -2^31 .. 2^31 - 1: the cheapest form, a small integer for the engine. */
  nextInt32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum;
  }

  /** 0 .. 2^32 - 1. */
  nextUint32(): number {
    return this.nextInt32() >>> 0;
  }

  /** 0 .. n - 1, for n of 1 .. 2^32. Uneven by less than n / 2^32. */
  below(n: number): number {
    return Math.floor((this.nextUint32() * n) / TWO_TO_32);
  }

  /** 0 <= x < 1, with 53 random bits. */
  float(): number {
    const high = this.nextInt32() >>> 5;
    const low = this.nextInt32() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  }
}
