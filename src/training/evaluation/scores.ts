import type { SampleScores } from '../../core/contracts/evaluation.ts';
import { FEATURES } from './classifier.ts';
import type { FeatureSet } from './features.ts';
import { type LabelAgreement, labelAgreement } from './metrics/accuracy.ts';
import { type Diversity, diversityOf, diversityRatio } from './metrics/diversity.ts';
import { frechetDistance } from './metrics/frechet.ts';
import { kernelDistance } from './metrics/kid.ts';
import { manifoldScores } from './metrics/manifold.ts';
import type { ImageSize } from './metrics/planes.ts';
import { sharpnessOf } from './metrics/sharpness.ts';

/** Images as they are scored: bytes, the label asked of each, and what the classifier saw, features standardised. */
export interface ScoredSet {
  images: Uint8Array;
  labels: Uint8Array;
  seen: FeatureSet;
}

/** Real images that others are measured against, with what is known of them. */
export interface Yardstick extends ScoredSet {
  size: ImageSize;
  labelCount: number;
  diversity: Diversity;
  sharpness: number;
}

export function yardstickOf(set: ScoredSet, size: ImageSize, labelCount: number): Yardstick {
  return {
    ...set,
    size,
    labelCount,
    diversity: diversityOf(set.seen.values, set.labels, FEATURES, labelCount),
    sharpness: sharpnessOf(set.images, size),
  };
}

/** The scores of a set of images against real ones, and what they are made of label by label. */
export interface SetScores {
  scores: SampleScores;
  agreement: LabelAgreement;
  diversityPerLabel: (number | null)[];
}

/** Every metric of one set of images. Takes about a second for 2,000 images against 10,000. */
export function scoreSet(set: ScoredSet, real: Yardstick): SetScores {
  const agreement = labelAgreement(set.labels, set.seen.predictions, real.labelCount);
  const diversity = diversityOf(set.seen.values, set.labels, FEATURES, real.labelCount);
  const { overall, perLabel } = diversityRatio(diversity, real.diversity);
  return {
    scores: {
      conditionalAccuracy: agreement.accuracy,
      frechetDistance: frechetDistance(real.seen.values, set.seen.values, FEATURES),
      kid: kernelDistance(real.seen.values, set.seen.values, FEATURES),
      ...manifoldScores(real.seen.values, set.seen.values, FEATURES),
      diversityRatio: overall,
      sharpnessRatio: sharpnessOf(set.images, real.size) / Math.max(real.sharpness, Number.EPSILON),
    },
    agreement,
    diversityPerLabel: perLabel,
  };
}
