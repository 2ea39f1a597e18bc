import { type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import type { Architecture } from './architecture.ts';
import { decode } from './decoder.ts';
import { inferencePass } from './layers.ts';
import type { Weights } from './weights.ts';

/*
 * Bytes and label indices as the tensors that the networks take, and back.
 */

/** Latents decoded per batch: large batches are fastest. */
const BATCH = 250;

/** One-hot rows for label indices: n × labels. */
export function oneHot(labels: ArrayLike<number>, count: number): Tensor2D {
  const values = new Float32Array(labels.length * count);
  for (let i = 0; i < labels.length; i++) values[i * count + labels[i]!] = 1;
  return tf.tensor2d(values, [labels.length, count]);
}

/** Bytes → n × H × W × C in [0, 1]. */
export function imageTensor(bytes: Uint8Array, { height, width, channels }: Architecture): Tensor4D {
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) values[i] = bytes[i]! / 255;
  return tf.tensor4d(values, [bytes.length / (height * width * channels), height, width, channels]);
}

/** x̃ → bytes: round(255·x̃). */
export function toBytes(images: Tensor4D): Uint8Array {
  const whole = tf.tidy(() => images.mul(255).round().toInt());
  const bytes = new Uint8Array(whole.dataSync());
  whole.dispose();
  return bytes;
}

/**
 * Dec(z, y) of many latents as bytes, without a compiled graph: for a few hundred images, compiling costs more than it saves.
 *
 * @param weights the decoder's
 * @param latents n × latentDim
 * @param labels n label indices
 */
export function decodeImages(
  weights: Weights,
  architecture: Architecture,
  latents: Float32Array,
  labels: Int32Array | Uint8Array,
): Uint8Array {
  const { height, width, channels, latentDim } = architecture;
  const pixels = height * width * channels;
  const images = new Uint8Array(labels.length * pixels);
  for (let from = 0; from < labels.length; from += BATCH) {
    const batch = labels.subarray(from, from + BATCH);
    const rows = latents.subarray(from * latentDim, (from + batch.length) * latentDim);
    const decoded = tf.tidy(() => {
      const z = tf.tensor2d(rows, [batch.length, latentDim]);
      const y = oneHot(batch, architecture.labels);
      return decode(weights, architecture, z, y, inferencePass(architecture.batchNorm));
    });
    images.set(toBytes(decoded), from * pixels);
    decoded.dispose();
  }
  return images;
}
