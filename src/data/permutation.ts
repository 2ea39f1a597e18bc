import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * A permutation of 0 … count−1, a pure function of `count` and `key` (such as "batches:7:0"): Fisher–Yates on
 * xoroshiro128+. The key is hashed because the generator needs a well-mixed state, and neighbouring seeds must give
 * unrelated orders.
 */
export function permutation(count: number, key: string): Uint32Array {
  const hash = createHash('sha256').update(key).digest();
  const random = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => hash.readInt32LE(offset)));
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = uniformInt(random, 0, last);
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
  return order;
}
