import type { NamedWeights } from '../../core/contracts/model.ts';
import { maxPool2x2, type StepRandom, type Tensor2D, type Tensor4D, tf } from '../../engine/index.ts';
import { conv, dense, kernelAndBias } from '../../model/layers.ts';
import { disposeWeights, importWeights, type WeightSpec, type Weights } from '../../model/weights.ts';
import type { FeatureSet } from './features.ts';

/** Units of the hidden layer whose activations are the features that distances are measured on. */
export const FEATURES = 64;
const DROPOUT = 0.5;
/** Images a forward pass: large enough for the kernels, 100 MB at most. */
const TILE = 100;

export interface ClassifierShape {
  height: number;
  width: number;
  channels: number;
  labels: number;
}

/** The reference classifier's weights, in order. Both sides of an image are multiples of 4. */
export function classifierSpecs({ height, width, channels, labels }: ClassifierShape): WeightSpec[] {
  return [
    ...kernelAndBias('classifier/conv1', [3, 3, channels, 32]),
    ...kernelAndBias('classifier/conv2', [3, 3, 32, 32]),
    ...kernelAndBias('classifier/conv3', [3, 3, 32, 64]),
    ...kernelAndBias('classifier/conv4', [3, 3, 64, 64]),
    ...kernelAndBias('classifier/hidden', [(height / 4) * (width / 4) * 64, FEATURES]),
    ...kernelAndBias('classifier/output', [FEATURES, labels]),
  ];
}

/**
 * Two blocks of two 3×3 convolutions with ReLU and a 2×2 max-pool (32 and 64 channels), a hidden layer of 64 with
 * ReLU, dropout 0.5 while it trains, and one logit a label.
 *
 * @param x B × H × W × C in [0, 1]
 * @param random draws the dropout mask while training; without it dropout is off
 * @returns `features` B × 64, `logits` B × labels
 */
export function classify(
  weights: Weights,
  x: Tensor4D,
  random?: StepRandom,
): { features: Tensor2D; logits: Tensor2D } {
  const layer = (name: string, input: Tensor4D): Tensor4D => tf.relu(conv(weights, name, input));
  const low = maxPool2x2(layer('classifier/conv2', layer('classifier/conv1', x)));
  const high = maxPool2x2(layer('classifier/conv4', layer('classifier/conv3', low)));
  const flat = high.reshape([x.shape[0], -1]) as Tensor2D;
  const features = tf.relu(dense(weights, 'classifier/hidden', flat));
  const hidden = random ? (features.mul(random.dropoutMask(features.shape, DROPOUT)) as Tensor2D) : features;
  return { features, logits: dense(weights, 'classifier/output', hidden) };
}

/** Called between tiles; may throw to stop, and lets the process hear messages. */
export type Between = (done: number, of: number) => Promise<void>;

const noPause: Between = async () => undefined;

/** A trained classifier, ready to look at images. */
export class ImageClassifier {
  readonly #shape: ClassifierShape;
  readonly #weights: Weights;

  /** @throws checkpoint_corrupt when the weights do not fit the shape */
  constructor(shape: ClassifierShape, stored: NamedWeights[]) {
    this.#shape = shape;
    this.#weights = importWeights(classifierSpecs(shape), stored);
  }

  /** @param images n × H × W × C bytes @returns raw features and the label seen in each */
  async look(images: Uint8Array, between: Between = noPause): Promise<FeatureSet> {
    const { height, width, channels } = this.#shape;
    const pixels = height * width * channels;
    const count = images.length / pixels;
    const values = new Float32Array(count * FEATURES);
    const predictions = new Uint8Array(count);
    for (let from = 0; from < count; from += TILE) {
      const rows = Math.min(TILE, count - from);
      const bytes = images.subarray(from * pixels, (from + rows) * pixels);
      const [features, labels] = tf.tidy(() => {
        const x = tf.tensor4d(
          Float32Array.from(bytes, (byte) => byte / 255),
          [rows, height, width, channels],
        );
        const seen = classify(this.#weights, x);
        return [seen.features.dataSync(), seen.logits.argMax(1).dataSync()];
      }) as unknown as [Float32Array, Int32Array];
      values.set(features, from * FEATURES);
      predictions.set(labels, from);
      await between(from + rows, count);
    }
    return { count, values, predictions };
  }

  dispose(): void {
    disposeWeights(this.#weights);
  }
}
