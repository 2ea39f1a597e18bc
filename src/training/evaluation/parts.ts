import type { Dataset } from '../../core/contracts/dataset.ts';
import type { Evaluation } from '../../core/contracts/evaluation.ts';
import { type Between, FEATURES } from './classifier.ts';
import type { AskedImages } from './export.ts';
import type { Judge } from './judge.ts';
import { activeUnits, klPerDimension, probeAccuracy } from './metrics/latent.ts';
import { meanRowDistance, meanSquaredError, structuralSimilarity } from './metrics/reconstruction.ts';
import { styleMoments, transferCorrelation } from './metrics/style.ts';
import type { ModelImages } from './model-images.ts';
import type { ScoredSet, Yardstick } from './scores.ts';
import type { Work } from './work.ts';

/** What the latent space is like, and the means of the first test images for what follows. */
export async function scoreLatents(
  source: ModelImages,
  { info, test, validation }: Dataset,
  samples: number,
  work: Work,
): Promise<{ latent: Evaluation['latent']; mean: Float32Array }> {
  const pixels = info.width * info.height * info.channels;
  const firstOf = ({ images, labels }: AskedImages): AskedImages => ({
    images: images.subarray(0, samples * pixels),
    labels: labels.subarray(0, samples),
  });
  const [tested, fitted] = [firstOf(test), firstOf(validation)];
  const { mean, logVar } = await source.encode(tested, work.during('latents', 0, 0.5));
  const fit = await source.encode(fitted, work.during('latents', 0.5, 1));
  const dims = mean.length / tested.labels.length;
  const latent = {
    klPerDimension: klPerDimension(mean, logVar, dims),
    activeUnits: activeUnits(mean, dims),
    probeAccuracy: probeAccuracy(
      { mean: fit.mean, labels: fitted.labels },
      { mean, labels: tested.labels },
      dims,
      info.labels.length,
    ),
  };
  return { latent, mean };
}

/** How close images come back. @param decoded the first test images, reconstructed */
export function scoreReconstructions(decoded: ScoredSet, test: Yardstick): Evaluation['reconstruction'] {
  const originals = test.images.subarray(0, decoded.images.length);
  const kept = decoded.seen.predictions.filter((label, i) => label === decoded.labels[i]).length;
  return {
    mse: meanSquaredError(originals, decoded.images),
    ssim: structuralSimilarity(originals, decoded.images, test.size),
    featureDistance: meanRowDistance(
      test.seen.values.subarray(0, decoded.seen.values.length),
      decoded.seen.values,
      FEATURES,
    ),
    labelKept: kept / decoded.labels.length,
  };
}

export async function scoreTransfers(
  judge: Judge,
  source: ModelImages,
  transfers: AskedImages,
  between: Between,
): Promise<Evaluation['styleTransfer']> {
  const { seen, labels } = await judge.see(transfers.images, transfers.labels, between);
  const given = styleMoments(source.sources.images, judge.size);
  const got = styleMoments(transfers.images, judge.size);
  const own = Uint32Array.from(given.ink.keys());
  // Only ink on paper has a slant.
  const slant = (order: Uint32Array): number | null =>
    judge.size.channels === 1 ? transferCorrelation(given.slant, got.slant, order) : null;
  return {
    accuracy: seen.predictions.filter((label, i) => label === labels[i]).length / labels.length,
    slantCorrelation: slant(own),
    inkCorrelation: transferCorrelation(given.ink, got.ink, own),
    slantControl: slant(source.shuffled),
    inkControl: transferCorrelation(given.ink, got.ink, source.shuffled),
  };
}
