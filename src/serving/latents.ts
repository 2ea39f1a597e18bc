import { randomInt } from 'node:crypto';
import { mersenne } from 'pure-rand/generator/mersenne';

/** 2³² / golden ratio, odd: its multiples visit every 32-bit number before one repeats (Weyl's sequence). */
const GOLDEN = 0x9e3779b9;

/** Draws an unsigned 32-bit seed. */
export const drawSeed = (): number => randomInt(2 ** 32);

/** Seeds of `count` images from one base: the first is the base itself, no two are equal. */
export function deriveSeeds(base: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (base + Math.imul(i, GOLDEN)) >>> 0);
}

/**
 * z ~ N(0, I) as a pure function of the seed: MT19937, then Box and Muller 1958 on pairs of its 32-bit numbers.
 *
 * @param seed unsigned 32-bit
 * @param scale factor of the standard deviation
 * @returns `length` values
 */
export function latentFromSeed(seed: number, length: number, scale = 1): Float32Array {
  const random = mersenne(seed | 0);
  // In (0, 1]: the logarithm below must stay finite.
  const uniform = (): number => ((random.next() >>> 0) + 1) / 2 ** 32;
  const z = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = scale * Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    z[i] = radius * Math.cos(angle);
    if (i + 1 < length) z[i + 1] = radius * Math.sin(angle);
  }
  return z;
}

/** Latents from `a` to `b`, both included, evenly spaced in t. `count` ≥ 2. */
export function interpolate(
  a: Float32Array,
  b: Float32Array,
  count: number,
  method: 'spherical' | 'linear',
): Float32Array[] {
  const dot = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const norms = Math.hypot(...a) * Math.hypot(...b);
  const angle = norms === 0 ? 0 : Math.acos(Math.min(1, Math.max(-1, dot / norms)));
  // The great circle between nearly parallel or opposite latents is undetermined; the chord is not.
  const linear = method === 'linear' || Math.sin(angle) < 1e-6;
  return Array.from({ length: count }, (_, i) => {
    const t = i / (count - 1);
    const [wa, wb] = linear
      ? [1 - t, t]
      : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
    return a.map((value, d) => wa * value + wb * b[d]!);
  });
}
