import type { Evaluation, SampleScores } from '../../core/contracts/evaluation.ts';
import { FEATURES, type Predictions } from './classifier.ts';
import type { ImageSet } from './image-sets.ts';
import { type LabelAgreement, labelAgreement } from './metrics/accuracy.ts';
import { type Diversity, diversityOf, diversityRatio } from './metrics/diversity.ts';
import { frechetDistance } from './metrics/frechet.ts';
import { kernelDistance } from './metrics/kid.ts';
import { activeUnits, klPerDimension, probeAccuracy } from './metrics/latent.ts';
import { manifoldScores } from './metrics/neighbours.ts';
import type { ImageSize } from './metrics/planes.ts';
import { meanRowDistance, meanSquaredError, structuralSimilarity } from './metrics/reconstruction.ts';
import { sharpnessOf } from './metrics/sharpness.ts';
import { styleMoments, transferCorrelation } from './metrics/style.ts';

/** Images and what the reference classifier computed for them; features are standardised. */
export interface ClassifiedImages extends ImageSet, Predictions {}

/** Real images that others are compared with, and their own scores. */
export interface RealImages extends ClassifiedImages {
  size: ImageSize;
  labelCount: number;
  diversity: Diversity;
  sharpness: number;
}

export function realImages(set: ClassifiedImages, size: ImageSize, labelCount: number): RealImages {
  return {
    ...set,
    size,
    labelCount,
    diversity: diversityOf(set.features, set.labels, FEATURES, labelCount),
    sharpness: sharpnessOf(set.images, size),
  };
}

/** The scores of a set of images against real ones, also label by label. */
export interface SetScores {
  scores: SampleScores;
  agreement: LabelAgreement;
  diversityPerLabel: (number | null)[];
}

/** Every metric of one set of images. Takes about a second for 2,000 images against 10,000. */
export function scoreSet(set: ClassifiedImages, real: RealImages): SetScores {
  const agreement = labelAgreement(set.labels, set.predictions, real.labelCount);
  const diversity = diversityOf(set.features, set.labels, FEATURES, real.labelCount);
  const { overall, perLabel } = diversityRatio(diversity, real.diversity);
  return {
    scores: {
      conditionalAccuracy: agreement.accuracy,
      frechetDistance: frechetDistance(real.features, set.features, FEATURES),
      kid: kernelDistance(real.features, set.features, FEATURES),
      ...manifoldScores(real.features, set.features, FEATURES),
      diversityRatio: overall,
      sharpnessRatio: sharpnessOf(set.images, real.size) / Math.max(real.sharpness, Number.EPSILON),
    },
    agreement,
    diversityPerLabel: perLabel,
  };
}

const shareRecognised = ({ predictions, labels }: ClassifiedImages): number =>
  predictions.filter((label, i) => label === labels[i]).length / labels.length;

/** Encoded images: the mean, n × latentDim, and the label of each. */
interface EncodedImages {
  mean: Float32Array;
  labels: Uint8Array;
}

/** @param test with log σ² as well @param fit images that the label probe is fitted to */
export function scoreLatents(
  test: EncodedImages & { logVar: Float32Array },
  fit: EncodedImages,
  labelCount: number,
): Evaluation['latent'] {
  const dims = test.mean.length / test.labels.length;
  return {
    klPerDimension: klPerDimension(test.mean, test.logVar, dims),
    activeUnits: activeUnits(test.mean, dims),
    probeAccuracy: probeAccuracy(fit, test, dims, labelCount),
  };
}

/** How close reconstructions are to their originals, the first of the real images. */
export function scoreReconstructions(
  decoded: ClassifiedImages,
  real: RealImages,
): Evaluation['reconstruction'] {
  const originals = real.images.subarray(0, decoded.images.length);
  return {
    mse: meanSquaredError(originals, decoded.images),
    ssim: structuralSimilarity(originals, decoded.images, real.size),
    featureDistance: meanRowDistance(
      real.features.subarray(0, decoded.features.length),
      decoded.features,
      FEATURES,
    ),
    labelKept: shareRecognised(decoded),
  };
}

/**
 * How much of a source's style its transfers keep.
 *
 * @param transfers row by row one source, its columns the labels
 * @param shuffled which source each row is compared with in the control
 */
export function scoreTransfers(
  transfers: ClassifiedImages,
  sources: ImageSet,
  shuffled: Uint32Array,
  size: ImageSize,
): Evaluation['styleTransfer'] {
  const given = styleMoments(sources.images, size);
  const got = styleMoments(transfers.images, size);
  const own = Uint32Array.from(given.ink.keys());
  // Only ink on paper has a slant.
  const slant = (order: Uint32Array): number | null =>
    size.channels === 1 ? transferCorrelation(given.slant, got.slant, order) : null;
  return {
    accuracy: shareRecognised(transfers),
    slantCorrelation: slant(own),
    inkCorrelation: transferCorrelation(given.ink, got.ink, own),
    slantControl: slant(shuffled),
    inkControl: transferCorrelation(given.ink, got.ink, shuffled),
  };
}
