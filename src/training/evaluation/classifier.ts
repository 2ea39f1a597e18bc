import type { NamedWeights } from '../../core/contracts/model.ts';
import { maxPool2x2, type StepRandom, type Tensor2D, type Tensor4D, tf } from '../../engine/index.ts';
import { kernelAndBias, type WeightSpec } from '../../model/architecture.ts';
import { conv, dense } from '../../model/layers.ts';
import { disposeWeights, importWeights, type Weights } from '../../model/weights.ts';
import { ignoreChunks, type OnChunk } from './progress.ts';

/** Units of the hidden layer. Their activations are the features that distances are measured on. */
export const FEATURES = 64;
const DROPOUT = 0.5;
/** Images per forward pass: large enough for the kernels, and at most 100 MB. */
const BATCH = 100;
/** A feature with a smaller deviation never changed in training and has no scale of its own. */
const FLAT = 1e-6;

export interface ClassifierShape {
  height: number;
  width: number;
  channels: number;
  labels: number;
}

/** The classifier's weights, in order. Height and width are multiples of 4. */
export function classifierSpecs({ height, width, channels, labels }: ClassifierShape): WeightSpec[] {
  return [
    ...kernelAndBias({ name: 'classifier/conv1', kernel: [3, 3, channels, 32] }),
    ...kernelAndBias({ name: 'classifier/conv2', kernel: [3, 3, 32, 32] }),
    ...kernelAndBias({ name: 'classifier/conv3', kernel: [3, 3, 32, 64] }),
    ...kernelAndBias({ name: 'classifier/conv4', kernel: [3, 3, 64, 64] }),
    ...kernelAndBias({ name: 'classifier/hidden', kernel: [(height / 4) * (width / 4) * 64, FEATURES] }),
    ...kernelAndBias({ name: 'classifier/output', kernel: [FEATURES, labels] }),
  ];
}

/**
 * Two blocks of two 3×3 convolutions with ReLU and a 2×2 max-pool (32 and 64 channels), a hidden layer of 64 units with
 * ReLU, dropout 0.5 during training, and one logit per label.
 *
 * @param x B × H × W × C in [0, 1]
 * @param random draws the dropout mask during training; without it there is no dropout
 * @returns `features` B × 64, `logits` B × labels
 */
export function classify(
  weights: Weights,
  x: Tensor4D,
  random?: StepRandom,
): { features: Tensor2D; logits: Tensor2D } {
  const layer = (name: string, input: Tensor4D): Tensor4D => tf.relu(conv(weights, { name }, input));
  const low = maxPool2x2(layer('classifier/conv2', layer('classifier/conv1', x)));
  const high = maxPool2x2(layer('classifier/conv4', layer('classifier/conv3', low)));
  const flat = high.reshape([x.shape[0], -1]) as Tensor2D;
  const features = tf.relu(dense(weights, { name: 'classifier/hidden' }, flat));
  const hidden = random ? (features.mul(random.dropoutMask(features.shape, DROPOUT)) as Tensor2D) : features;
  return { features, logits: dense(weights, { name: 'classifier/output' }, hidden) };
}

/** What a classifier computes for n images. */
export interface Predictions {
  /** n × 64, row-major. */
  features: Float32Array;
  /** The most probable label of each image. */
  predictions: Uint8Array;
}

/** A trained classifier, loaded. */
export class ImageClassifier {
  readonly #shape: ClassifierShape;
  readonly #weights: Weights;

  /** @throws checkpoint_corrupt when the weights do not fit the shape */
  constructor(shape: ClassifierShape, stored: NamedWeights[]) {
    this.#shape = shape;
    this.#weights = importWeights(classifierSpecs(shape), stored);
  }

  /** @param images n × H × W × C bytes */
  async predict(images: Uint8Array, onChunk: OnChunk = ignoreChunks): Promise<Predictions> {
    const { height, width, channels } = this.#shape;
    const pixels = height * width * channels;
    const count = images.length / pixels;
    const features = new Float32Array(count * FEATURES);
    const predictions = new Uint8Array(count);
    for (let from = 0; from < count; from += BATCH) {
      const rows = Math.min(BATCH, count - from);
      const bytes = images.subarray(from * pixels, (from + rows) * pixels);
      tf.tidy(() => {
        const x = tf.tensor4d(
          Float32Array.from(bytes, (byte) => byte / 255),
          [rows, height, width, channels],
        );
        const output = classify(this.#weights, x);
        features.set(output.features.dataSync<'float32'>(), from * FEATURES);
        predictions.set(output.logits.argMax(1).dataSync<'int32'>(), from);
      });
      await onChunk(from + rows, count);
    }
    return { features, predictions };
  }

  dispose(): void {
    disposeWeights(this.#weights);
  }
}

/** Mean and standard deviation of every feature over the training images. */
export interface FeatureScale {
  mean: Float32Array;
  deviation: Float32Array;
}

/** Population mean and standard deviation per column, in float64. @param values n × dims */
export function featureScale(values: Float32Array, dims: number): FeatureScale {
  const count = values.length / dims;
  const sum = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) sum[i % dims]! += values[i]!;
  const mean = sum.map((total) => total / count);
  const squares = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) squares[i % dims]! += (values[i]! - mean[i % dims]!) ** 2;
  return {
    mean: Float32Array.from(mean),
    deviation: Float32Array.from(squares, (total) => Math.sqrt(total / count)),
  };
}

/** (value − mean) / deviation per column. Columns that never changed in training are only centred. */
export function standardise(values: Float32Array, { mean, deviation }: FeatureScale): Float32Array {
  const dims = mean.length;
  const scale = Float64Array.from(deviation, (d) => (d < FLAT ? 1 : 1 / d));
  return values.map((value, i) => (value - mean[i % dims]!) * scale[i % dims]!);
}
