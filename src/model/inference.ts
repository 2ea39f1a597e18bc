import type { ModelRecord, NamedWeights } from '../contracts/model.ts';
import { foldUpsampling, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import { decoderSpecs, decoderStatistics } from './decoder.ts';
import { encode, encoderSpecs, encoderStatistics } from './encoder.ts';
import { act, conv, dense, inferencePass, weight } from './layers.ts';
import { type ModelShape, modelShape } from './shape.ts';
import { disposeWeights, importWeights, type Weights } from './weights.ts';

/** A trained model ready to answer. All images are bytes, n × H × W × C, 255 is ink. */
export interface InferenceModel {
  /** @param latents n × latentDim @returns n images */
  decode(latents: Float32Array, labels: Int32Array): Promise<Uint8Array>;
  /** @returns μ and log σ², each n × latentDim */
  encode(images: Uint8Array, labels: Int32Array): Promise<{ mean: Float32Array; logVar: Float32Array }>;
  /** How well each label explains each image. @returns n × labels log-evidences up to a constant */
  explain(images: Uint8Array): Promise<Float32Array>;
  dispose(): void;
}

/**
 * Every computation runs on tiles of this many rows, the last one padded, because kernels may round differently for
 * other batch sizes: an image's bytes then do not depend on what shares its batch.
 */
export const TILE = 16;

/** Variance of a pixel around the decoder's image when labels are compared. */
const PIXEL_VARIANCE = 0.1;

/**
 * Builds the serving form of a model: dropout off, both upsamplings folded into sub-pixel convolutions.
 *
 * @throws StylographError `checkpoint_corrupt` when the weights do not fit the record.
 */
export async function buildInferenceModel(
  record: ModelRecord,
  stored: NamedWeights[],
): Promise<InferenceModel> {
  const shape = modelShape(record.image, record.config);
  const encoder = importWeights([...encoderSpecs(shape), ...encoderStatistics(shape)], stored);
  const decoder = foldDecoder(importWeights([...decoderSpecs(shape), ...decoderStatistics(shape)], stored));
  const model = new TiledModel(shape, encoder, decoder);
  // The first call of each kernel plans it; nobody should wait for that.
  await model.explain(new Uint8Array(shape.height * shape.width * shape.channels));
  return model;
}

/** Replaces the kernels that follow an upsampling by their sub-pixel form. */
function foldDecoder(weights: Weights): Weights {
  for (const name of ['decoder/conv1/kernel', 'decoder/image/kernel']) {
    const kernel = weight<Tensor4D>(weights, name);
    weights.set(name, tf.keep(tf.tidy(() => foldUpsampling(kernel))));
    kernel.dispose();
  }
  return weights;
}

/** Dec(z, y) without dropout; upsampling and LeakyReLU change places, which they may. */
function decodeFolded(weights: Weights, shape: ModelShape, z: Tensor2D, y: Tensor2D): Tensor4D {
  const pass = inferencePass(shape.batchNorm);
  const unfold = (x: Tensor4D, layer: string): Tensor4D =>
    tf
      .depthToSpace(tf.conv2d(x, weight<Tensor4D>(weights, `${layer}/kernel`), 1, 'same'), 2, 'NHWC')
      .add(weight(weights, `${layer}/bias`)) as Tensor4D;
  const units = act(
    weights,
    'decoder/hidden',
    dense(weights, 'decoder/hidden', tf.concat2d([z, y], 1)),
    pass,
  );
  const planes = units.reshape([
    z.shape[0],
    shape.height / 4,
    shape.width / 4,
    shape.widths.decoder[0],
  ]) as Tensor4D;
  const h = act(weights, 'decoder/conv1', unfold(planes, 'decoder/conv1'), pass);
  const small = act(weights, 'decoder/conv2', conv(weights, 'decoder/conv2', h), pass);
  return tf.sigmoid(unfold(small, 'decoder/image'));
}

class TiledModel implements InferenceModel {
  readonly #shape: ModelShape;
  readonly #encoder: Weights;
  readonly #decoder: Weights;

  constructor(shape: ModelShape, encoder: Weights, decoder: Weights) {
    this.#shape = shape;
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  get #pixels(): number {
    return this.#shape.height * this.#shape.width * this.#shape.channels;
  }

  async decode(latents: Float32Array, labels: Int32Array): Promise<Uint8Array> {
    const { latentDim } = this.#shape;
    const images = new Uint8Array(labels.length * this.#pixels);
    for (let from = 0; from < labels.length; from += TILE) {
      const z = padded(Float32Array, latents, from * latentDim, TILE * latentDim);
      const y = padded(Int32Array, labels, from, TILE);
      const tile = tf.tidy(() => this.#decodeTile(z, y).mul(255).round().dataSync());
      images.set(
        tile.subarray(0, Math.min(tile.length, images.length - from * this.#pixels)),
        from * this.#pixels,
      );
    }
    return images;
  }

  async encode(
    images: Uint8Array,
    labels: Int32Array,
  ): Promise<{ mean: Float32Array; logVar: Float32Array }> {
    const { latentDim } = this.#shape;
    const mean = new Float32Array(labels.length * latentDim);
    const logVar = new Float32Array(labels.length * latentDim);
    for (let from = 0; from < labels.length; from += TILE) {
      const x = padded(Uint8Array, images, from * this.#pixels, TILE * this.#pixels);
      const y = padded(Int32Array, labels, from, TILE);
      const [mu, lv] = tf.tidy(() => {
        const { mu, logVar } = this.#encodeTile(x, y);
        return [mu.dataSync(), logVar.dataSync()];
      });
      const room = Math.min(TILE, labels.length - from) * latentDim;
      mean.set(mu!.subarray(0, room), from * latentDim);
      logVar.set(lv!.subarray(0, room), from * latentDim);
    }
    return { mean, logVar };
  }

  /**
   * A lower bound on log p(x | y) for each label y, at z = μ and with Gaussian pixels:
   * −Σ (x − Dec(μ, y))² / (2·0.1) − KL[N(μ, σ²) ‖ N(0, I)].
   */
  async explain(images: Uint8Array): Promise<Float32Array> {
    const { labels, latentDim } = this.#shape;
    const count = images.length / this.#pixels;
    const scores = new Float32Array(count * labels);
    for (let image = 0; image < count; image++) {
      const one = images.subarray(image * this.#pixels, (image + 1) * this.#pixels);
      const copies = new Uint8Array(labels * this.#pixels);
      for (let label = 0; label < labels; label++) copies.set(one, label * this.#pixels);
      const asked = Int32Array.from({ length: labels }, (_, label) => label);
      const { mean, logVar } = await this.encode(copies, asked);
      const explained = await this.decode(mean, asked);
      for (let label = 0; label < labels; label++) {
        let squares = 0;
        for (let i = 0; i < this.#pixels; i++)
          squares += ((explained[label * this.#pixels + i]! - one[i]!) / 255) ** 2;
        let kl = 0;
        for (let i = label * latentDim; i < (label + 1) * latentDim; i++) {
          kl -= 0.5 * (1 + logVar[i]! - mean[i]! ** 2 - Math.exp(logVar[i]!));
        }
        scores[image * labels + label] = -squares / (2 * PIXEL_VARIANCE) - kl;
      }
    }
    return scores;
  }

  #decodeTile(latents: Float32Array, labels: Int32Array): Tensor4D {
    const z = tf.tensor2d(latents, [TILE, this.#shape.latentDim]);
    return decodeFolded(this.#decoder, this.#shape, z, this.#oneHot(labels));
  }

  #encodeTile(images: Uint8Array, labels: Int32Array): { mu: Tensor2D; logVar: Tensor2D } {
    const { height, width, channels } = this.#shape;
    const x = tf.tensor4d(
      Float32Array.from(images, (byte) => byte / 255),
      [TILE, height, width, channels],
    );
    return encode(this.#encoder, x, this.#oneHot(labels), inferencePass(this.#shape.batchNorm));
  }

  #oneHot(labels: Int32Array): Tensor2D {
    const values = new Float32Array(labels.length * this.#shape.labels);
    labels.forEach((label, i) => {
      values[i * this.#shape.labels + label] = 1;
    });
    return tf.tensor2d(values, [labels.length, this.#shape.labels]);
  }

  dispose(): void {
    disposeWeights(this.#encoder);
    disposeWeights(this.#decoder);
  }
}

/** `length` values from `start`, zeros where the source ends. */
function padded<T extends Uint8Array | Int32Array | Float32Array>(
  ctor: new (length: number) => T,
  source: T,
  start: number,
  length: number,
): T {
  const tile = new ctor(length);
  tile.set(source.subarray(start, start + length) as never);
  return tile;
}
