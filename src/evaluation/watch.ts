import type { Dataset, LabelledImages } from '../contracts/dataset.ts';
import type { ModelRecord, NamedWeights } from '../contracts/model.ts';
import { StepRandom, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import { StylographError } from '../errors.ts';
import { decode, decoderSpecs, decoderStatistics } from '../model/decoder.ts';
import { encode, encoderSpecs, encoderStatistics } from '../model/encoder.ts';
import { inferencePass } from '../model/layers.ts';
import { type ModelShape, modelShape } from '../model/shape.ts';
import { disposeWeights, importWeights } from '../model/weights.ts';
import { FEATURES } from './classifier.ts';
import type { LiveMeasure } from './diagnose.ts';
import { Judge } from './judge.ts';
import { diversityOf } from './metrics/diversity.ts';
import { activeUnits } from './metrics/latent.ts';

/** Few enough that a measure takes a tenth of a second. */
const DRAWN_PER_LABEL = 8;
const ENCODED = 128;
const REAL = 400;
const LATENT_SEED = 0;

/** Measures a run's weights while it trains, on validation images. Every measure is a pure function of the weights. */
export class Watch {
  readonly #judge: Judge | undefined;
  readonly #record: Pick<ModelRecord, 'image' | 'config'>;
  readonly #validation: LabelledImages;
  readonly #labelCount: number;
  readonly #real: { spread: number; diversity: number | undefined };

  private constructor(
    judge: Judge | undefined,
    record: Pick<ModelRecord, 'image' | 'config'>,
    validation: LabelledImages,
    real: { spread: number; diversity: number | undefined },
  ) {
    this.#judge = judge;
    this.#record = record;
    this.#validation = validation;
    this.#labelCount = record.image.labels.length;
    this.#real = real;
  }

  /** Where there is no fit classifier only what needs none is measured; the evaluation will say so. */
  static async over(dataset: Dataset, record: Pick<ModelRecord, 'image' | 'config'>): Promise<Watch> {
    const judge = fitJudge(dataset.info);
    const real = firstOf(dataset.validation, REAL);
    const spread = spreadOf(real.images, real.labels, record.image.labels.length);
    const seen = await judge?.see(real.images, real.labels);
    const diversity =
      seen && diversityOf(seen.seen.values, real.labels, FEATURES, record.image.labels.length).mean;
    return new Watch(judge, record, dataset.validation, { spread, diversity });
  }

  /**
   * The plain networks, not the serving form: that takes longer to build than all the rest.
   *
   * @param served encoder and decoder as they would be served
   */
  async measure(served: NamedWeights[], iteration: number): Promise<LiveMeasure> {
    const shape = modelShape(this.#record.image, this.#record.config);
    const labels = Uint8Array.from({ length: DRAWN_PER_LABEL * shape.labels }, (_, i) => i % shape.labels);
    const images = draw(served, shape, labels);
    return {
      iteration,
      ...(await this.#judged(images, labels)),
      spreadRatio: spreadOf(images, labels, shape.labels) / this.#real.spread,
      activeUnits: activeUnits(meansOf(served, shape, firstOf(this.#validation, ENCODED)), shape.latentDim),
    };
  }

  async #judged(
    images: Uint8Array,
    labels: Uint8Array,
  ): Promise<Pick<LiveMeasure, 'diversityRatio' | 'accuracyPerLabel'>> {
    if (!this.#judge || this.#real.diversity === undefined)
      return { diversityRatio: null, accuracyPerLabel: null };
    const { seen } = await this.#judge.see(images, labels);
    const right = new Array<number>(this.#labelCount).fill(0);
    labels.forEach((label, i) => {
      if (seen.predictions[i] === label) right[label]!++;
    });
    return {
      diversityRatio:
        diversityOf(seen.values, labels, FEATURES, this.#labelCount).mean / this.#real.diversity,
      accuracyPerLabel: right.map((count) => count / DRAWN_PER_LABEL),
    };
  }

  dispose(): void {
    this.#judge?.dispose();
  }
}

function fitJudge(info: Dataset['info']): Judge | undefined {
  try {
    return Judge.of(info);
  } catch (error) {
    if (error instanceof StylographError) return undefined;
    throw error;
  }
}

const oneHot = (labels: Uint8Array, count: number): Tensor2D =>
  tf.oneHot(tf.tensor1d(labels, 'int32'), count).toFloat() as Tensor2D;

/** The same few latents under every label, as bytes. */
function draw(served: NamedWeights[], shape: ModelShape, labels: Uint8Array): Uint8Array {
  const decoder = importWeights([...decoderSpecs(shape), ...decoderStatistics(shape)], served);
  const bytes = tf.tidy(() => {
    const drawn = new StepRandom(LATENT_SEED, 'samples', 0).normal([DRAWN_PER_LABEL, 1, shape.latentDim]);
    const z = tf.tile(drawn, [1, shape.labels, 1]).reshape([labels.length, shape.latentDim]) as Tensor2D;
    const images = decode(decoder, shape, z, oneHot(labels, shape.labels), inferencePass(shape.batchNorm));
    return Uint8Array.from(images.mul(255).round().dataSync());
  }) as unknown as Uint8Array;
  disposeWeights(decoder);
  return bytes;
}

/** μ of images under their own labels, n × latentDim. */
function meansOf(
  served: NamedWeights[],
  shape: ModelShape,
  { images, labels }: Pick<LabelledImages, 'images' | 'labels'>,
): Float32Array {
  const encoder = importWeights([...encoderSpecs(shape), ...encoderStatistics(shape)], served);
  const mean = tf.tidy(() => {
    const { height, width, channels } = shape;
    const x = tf.tensor(images, [labels.length, height, width, channels], 'int32').div(255) as Tensor4D;
    const y = oneHot(labels, shape.labels);
    return encode(encoder, x, y, inferencePass(shape.batchNorm)).mu.dataSync();
  }) as unknown as Float32Array;
  disposeWeights(encoder);
  return mean;
}

function firstOf({ images, labels, count }: LabelledImages, wanted: number) {
  const taken = Math.min(count, wanted);
  return {
    images: images.subarray(0, (images.length / count) * taken),
    labels: labels.subarray(0, taken),
  };
}

/** Mean Euclidean distance of pixels, in [0, 1], within a label. */
function spreadOf(images: Uint8Array, labels: Uint8Array, labelCount: number): number {
  const pixels = Float32Array.from(images, (byte) => byte / 255);
  return diversityOf(pixels, labels, images.length / labels.length, labelCount).mean;
}
