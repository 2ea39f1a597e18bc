import { createHash } from 'node:crypto';
import type { NamedWeights } from '../core/contracts/model.ts';

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * SHA-256 over name, shape and bytes of every tensor in the given order. Name and shape are one JSON line, so that
 * different lists give different streams of bytes.
 */
export function weightsDigest(weights: readonly NamedWeights[]): string {
  const hash = createHash('sha256');
  for (const { name, shape, values } of weights) {
    hash.update(`${JSON.stringify([name, shape])}\n`);
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}
