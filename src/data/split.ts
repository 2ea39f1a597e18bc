import type { LabelledImages } from '../core/contracts/dataset.ts';
import { pick } from './batches.ts';
import { permutation } from './permutation.ts';

/** The split is part of the dataset, so it does not depend on a run's seed. */
const SPLIT_SEED = 0;

/** Positions of the kept and the held-out images, both ascending. Together they are a partition. */
export interface SplitPositions {
  train: Uint32Array;
  validation: Uint32Array;
}

/**
 * Chooses `validationCount` positions. Each label gets its share by the largest remainder method (the lower label first
 * on a tie); a fixed permutation chooses within a label.
 */
export function stratifiedPositions(labels: Uint8Array, validationCount: number): SplitPositions {
  const byLabel = new Map<number, number[]>();
  for (const [position, label] of labels.entries()) {
    const members = byLabel.get(label);
    if (members) members.push(position);
    else byLabel.set(label, [position]);
  }
  const shares = [...byLabel.keys()]
    .sort((a, b) => a - b)
    .map((label) => {
      const exact = (byLabel.get(label)!.length * validationCount) / labels.length;
      return { label, quota: Math.floor(exact), remainder: exact - Math.floor(exact) };
    });
  const missing = validationCount - shares.reduce((sum, share) => sum + share.quota, 0);
  const byRemainder = shares.toSorted((a, b) => b.remainder - a.remainder || a.label - b.label);
  for (const share of byRemainder.slice(0, missing)) share.quota++;

  const heldOut = new Uint8Array(labels.length);
  for (const { label, quota } of shares) {
    const members = byLabel.get(label)!;
    const order = permutation(members.length, `split:${SPLIT_SEED}:${label}`);
    for (const index of order.subarray(0, quota)) heldOut[members[index]!] = 1;
  }
  const positions = Uint32Array.from(labels.keys());
  return {
    train: positions.filter((position) => heldOut[position] === 0),
    validation: positions.filter((position) => heldOut[position] === 1),
  };
}

/** Splits labelled images of `pixels` bytes each by {@link stratifiedPositions}. */
export function splitOff(
  all: LabelledImages,
  validationCount: number,
  pixels: number,
): { train: LabelledImages; validation: LabelledImages } {
  const positions = stratifiedPositions(all.labels, validationCount);
  const take = (chosen: Uint32Array): LabelledImages => ({
    count: chosen.length,
    ...pick(all, chosen, pixels),
  });
  return { train: take(positions.train), validation: take(positions.validation) };
}
