import type { TrainingConfig } from '../core/contracts/config.ts';
import { StylographError } from '../core/errors.ts';

/** What decides the sizes of the three networks. */
export interface ModelShape {
  height: number;
  width: number;
  channels: number;
  labels: number;
  latentDim: number;
  widths: TrainingConfig['networks'];
  batchNorm: boolean;
  spectralNorm: boolean;
}

/**
 * The networks halve the image twice, so its sides must be multiples of 4.
 *
 * @throws StylographError `validation_failed` for other sizes.
 */
export function modelShape(
  image: { width: number; height: number; channels: number; labels: readonly unknown[] },
  config: TrainingConfig,
): ModelShape {
  if (image.width % 4 !== 0 || image.height % 4 !== 0) {
    throw new StylographError(
      'validation_failed',
      `Images are ${image.width}×${image.height}; both sides must be multiples of 4. Resize or pad the dataset.`,
    );
  }
  return {
    height: image.height,
    width: image.width,
    channels: image.channels,
    labels: image.labels.length,
    latentDim: config.latentDim,
    widths: config.networks,
    batchNorm: config.batchNorm,
    spectralNorm: config.spectralNorm,
  };
}
