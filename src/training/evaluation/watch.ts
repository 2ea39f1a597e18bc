import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { decoderSpecs, decoderStatistics } from '../../model/decoder.ts';
import { encode, encoderSpecs, encoderStatistics } from '../../model/encoder.ts';
import { inferencePass } from '../../model/layers.ts';
import { decodeImages, imageTensor, oneHot } from '../../model/pixels.ts';
import { type ModelShape, modelShape } from '../../model/shape.ts';
import { disposeWeights, importWeights } from '../../model/weights.ts';
import type { FolderStore } from '../../store/index.ts';
import { FEATURES } from './classifier.ts';
import type { LiveMeasure } from './diagnose.ts';
import { Judge } from './judge.ts';
import { labelAgreement } from './metrics/accuracy.ts';
import { diversityOf } from './metrics/diversity.ts';
import { frechetDistance } from './metrics/frechet.ts';
import { frechetJointDistance } from './metrics/joint.ts';
import { activeUnits } from './metrics/latent.ts';
import { manifoldScores } from './metrics/manifold.ts';
import { sharpnessOf } from './metrics/sharpness.ts';
import { inEvaluationOrder } from './order.ts';
import { hasPairs, unjudgeable } from './reference.ts';
import type { Yardstick } from './scores.ts';

/** What a measure finds. */
export interface Measured {
  measure: LiveMeasure;
  /** Undefined where no reference classifier knows the dataset. */
  validation: Validation | undefined;
}

/** Prior samples of a measure, and real images they are held against: a measure takes half a second. */
const SAMPLES = 1_000;
const REAL = 2_000;
/** Images whose pixels are compared. */
const SPREAD = 200;
const ENCODED = 128;
const LATENT_SEED = 0;

/** What is known of the validation images, and the latents and labels that every measure draws. */
interface Held {
  validation: LabelledImages;
  /** Undefined where no label is there twice. */
  spread: number | undefined;
  /** Undefined where no reference classifier knows the dataset. */
  judged: { judge: Judge; yardstick: Yardstick } | undefined;
}

/** Measures a run's weights while it trains, on validation images. Every measure is a pure function of the weights. */
export class Watch {
  readonly #record: Pick<ModelRecord, 'image' | 'config'>;
  readonly #held: Held;

  private constructor(record: Pick<ModelRecord, 'image' | 'config'>, held: Held) {
    this.#record = record;
    this.#held = held;
  }

  /** Where there is no fit classifier only what needs none is measured; the evaluation will say so. */
  static async over(
    dataset: Dataset,
    record: Pick<ModelRecord, 'image' | 'config'>,
    store?: FolderStore,
  ): Promise<Watch> {
    const { validation } = inEvaluationOrder(dataset);
    const judge = unjudgeable({ test: validation }) ? undefined : await fitJudge(dataset.info, store);
    const yardstick = await judge?.yardstick(firstOf(validation, REAL));
    const { images, labels } = firstOf(validation, SPREAD);
    const spread = hasPairs(labels) ? spreadOf(images, labels, record.image.labels.length) : undefined;
    return new Watch(record, { validation, spread, judged: judge && { judge, yardstick: yardstick! } });
  }

  /**
   * The plain networks, not the serving form: that takes longer to build than all the rest.
   *
   * @param served encoder and decoder as they would be served
   */
  async measure(
    served: NamedWeights[],
    at: { iteration: number; secondsElapsed: number },
  ): Promise<Measured> {
    const { validation, spread, judged } = this.#held;
    const shape = modelShape(this.#record.image, this.#record.config);
    // Labels as frequent as they are among real images, in every batch the same latents.
    const { labels } = firstOf(validation, SAMPLES);
    const images = draw(served, shape, labels);
    const few = firstOf({ images, labels, count: labels.length }, SPREAD);
    const scored = judged && (await this.#score(images, labels, judged));
    return {
      measure: {
        iteration: at.iteration,
        diversityRatio: scored?.scores.diversityRatio ?? null,
        accuracyPerLabel: scored?.accuracyPerLabel ?? null,
        spreadRatio: spread ? spreadOf(few.images, few.labels, shape.labels) / spread : null,
        activeUnits: activeUnits(meansOf(served, shape, firstOf(validation, ENCODED)), shape.latentDim),
      },
      validation: scored && { ...at, samples: labels.length, ...scored.scores },
    };
  }

  async #score(images: Uint8Array, labels: Uint8Array, { judge, yardstick }: NonNullable<Held['judged']>) {
    const set = await judge.see(images, labels);
    const { labelCount, diversity, sharpness, size } = yardstick;
    const [real, generated] = [yardstick, set].map(({ seen, labels }) => ({ values: seen.values, labels }));
    const { accuracy, perLabel } = labelAgreement(labels, set.seen.predictions, labelCount);
    const scores = {
      frechetJointDistance: frechetJointDistance(real!, generated!, FEATURES, labelCount),
      conditionalAccuracy: accuracy,
      frechetDistance: frechetDistance(real!.values, generated!.values, FEATURES),
      coverage: manifoldScores(real!.values, generated!.values, FEATURES).coverage,
      diversityRatio: diversityOf(generated!.values, labels, FEATURES, labelCount).mean / diversity.mean,
      sharpnessRatio: sharpnessOf(images, size) / sharpness,
    };
    // A label that the classifier itself often misses is not lost.
    const ceiling = judge.shipped.testAccuracy;
    return { scores, accuracyPerLabel: perLabel.map((share) => Math.min(1, (share ?? 1) / ceiling)) };
  }

  dispose(): void {
    this.#held.judged?.judge.dispose();
  }
}

async function fitJudge(info: Dataset['info'], store?: FolderStore): Promise<Judge | undefined> {
  try {
    return await Judge.of(info, store);
  } catch (error) {
    if (error instanceof StylographError) return undefined;
    throw error;
  }
}

/** A prior sample under each label, the same latents every time, as bytes. */
function draw(served: NamedWeights[], shape: ModelShape, labels: Uint8Array): Uint8Array {
  const decoder = importWeights([...decoderSpecs(shape), ...decoderStatistics(shape)], served);
  const z = tf.tidy(() =>
    new StepRandom(LATENT_SEED, 'samples', 0).normal([labels.length, shape.latentDim]).dataSync(),
  ) as Float32Array;
  const images = decodeImages(decoder, shape, z, labels);
  disposeWeights(decoder);
  return images;
}

/** μ of images under their own labels, n × latentDim. */
function meansOf(
  served: NamedWeights[],
  shape: ModelShape,
  { images, labels }: Pick<LabelledImages, 'images' | 'labels'>,
): Float32Array {
  const encoder = importWeights([...encoderSpecs(shape), ...encoderStatistics(shape)], served);
  const mean = tf.tidy(() => {
    const [x, y] = [imageTensor(images, shape), oneHot(labels, shape.labels)];
    return encode(encoder, x, y, inferencePass(shape.batchNorm)).mu.dataSync();
  }) as unknown as Float32Array;
  disposeWeights(encoder);
  return mean;
}

function firstOf({ images, labels, count }: LabelledImages, wanted: number): LabelledImages {
  const taken = Math.min(count, wanted);
  return {
    count: taken,
    images: images.subarray(0, (images.length / count) * taken),
    labels: labels.subarray(0, taken),
  };
}

/** Mean Euclidean distance of pixels, in [0, 1], within a label. */
function spreadOf(images: Uint8Array, labels: Uint8Array, labelCount: number): number {
  const pixels = Float32Array.from(images, (byte) => byte / 255);
  return diversityOf(pixels, labels, images.length / labels.length, labelCount).mean;
}
