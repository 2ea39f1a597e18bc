import type { Dataset } from '../../core/contracts/dataset.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { type Architecture, architectureOf, servedSpecs } from '../../model/architecture.ts';
import { encode } from '../../model/encoder.ts';
import { decodeImages, imageTensor, oneHot } from '../../model/image-tensors.ts';
import { inferencePass } from '../../model/layers.ts';
import { disposeWeights, importWeights } from '../../model/weights.ts';
import type { FolderStore } from '../../store/index.ts';
import { FEATURES } from './classifier.ts';
import type { LiveMeasure } from './diagnose.ts';
import { evaluationObstacle, firstImages, hasPairs, type ImageSet, inEvaluationOrder } from './image-sets.ts';
import { labelAgreement } from './metrics/accuracy.ts';
import { diversityOf } from './metrics/diversity.ts';
import { frechetDistance, frechetJointDistance } from './metrics/frechet.ts';
import { activeUnits } from './metrics/latent.ts';
import { manifoldScores } from './metrics/neighbours.ts';
import { sharpnessOf } from './metrics/sharpness.ts';
import { ReferenceClassifier } from './reference-classifier.ts';
import type { RealImages } from './scores.ts';

export interface CheckpointScores {
  measure: LiveMeasure;
  /** Undefined where the dataset has no reference classifier. */
  validation: Validation | undefined;
}

/** Prior samples, and the real images they are compared with: scoring takes half a second. */
const SAMPLES = 1_000;
const REAL = 2_000;
/** Images whose pixels are compared. */
const SPREAD = 200;
const ENCODED = 128;
const LATENT_SEED = 0;

/** What every checkpoint's scores have in common. */
interface Basis {
  validation: ImageSet;
  /** Of real images; undefined where no label has two. */
  spread: number | undefined;
  /** Undefined where the dataset has no reference classifier. */
  reference: Reference | undefined;
}

interface Reference {
  judge: ReferenceClassifier;
  real: RealImages;
}

/** Scores a run's checkpoints on validation images. The scores are a pure function of the weights. */
export class CheckpointScorer {
  readonly #record: Pick<ModelRecord, 'image' | 'config'>;
  readonly #basis: Basis;

  private constructor(record: Pick<ModelRecord, 'image' | 'config'>, basis: Basis) {
    this.#record = record;
    this.#basis = basis;
  }

  /** Without a usable reference classifier it measures only what needs none; the evaluation will give the reason. */
  static async open(
    dataset: Dataset,
    record: Pick<ModelRecord, 'image' | 'config'>,
    store?: FolderStore,
  ): Promise<CheckpointScorer> {
    const { validation } = inEvaluationOrder(dataset);
    const judge = evaluationObstacle(validation) ? undefined : await openIfUsable(dataset.info, store);
    const real = await judge?.classifyReal(firstImages(validation, REAL));
    const { images, labels } = firstImages(validation, SPREAD);
    const spread = hasPairs(labels) ? spreadOf(images, labels, record.image.labels.length) : undefined;
    return new CheckpointScorer(record, { validation, spread, reference: judge && { judge, real: real! } });
  }

  /**
   * Uses the plain networks: the serving form would take longer to build than everything else.
   *
   * @param served encoder and decoder in their serving form
   */
  async score(
    served: NamedWeights[],
    at: { iteration: number; secondsElapsed: number },
  ): Promise<CheckpointScores> {
    const { validation, spread, reference } = this.#basis;
    const architecture = architectureOf(this.#record.image, this.#record.config);
    // Labels are as frequent as among real images, and the latents are the same every time.
    const { labels } = firstImages(validation, SAMPLES);
    const samples = { images: decodeSamples(served, architecture, labels), labels };
    const few = firstImages(samples, SPREAD);
    const scored = reference && (await scoreSamples(samples, reference));
    return {
      measure: {
        iteration: at.iteration,
        diversityRatio: scored?.scores.diversityRatio ?? null,
        accuracyPerLabel: scored?.accuracyPerLabel ?? null,
        spreadRatio: spread ? spreadOf(few.images, few.labels, architecture.labels) / spread : null,
        activeUnits: activeUnits(
          meansOf(served, architecture, firstImages(validation, ENCODED)),
          architecture.latentDim,
        ),
      },
      validation: scored && { ...at, samples: labels.length, ...scored.scores },
    };
  }

  dispose(): void {
    this.#basis.reference?.judge.dispose();
  }
}

async function openIfUsable(
  info: Dataset['info'],
  store?: FolderStore,
): Promise<ReferenceClassifier | undefined> {
  try {
    return await ReferenceClassifier.open(info, store);
  } catch (error) {
    if (error instanceof StylographError) return undefined;
    throw error;
  }
}

async function scoreSamples(samples: ImageSet, { judge, real }: Reference) {
  const { images, labels, features, predictions } = await judge.classify(samples);
  const { labelCount, diversity, sharpness, size } = real;
  const { accuracy, perLabel } = labelAgreement(labels, predictions, labelCount);
  const scores = {
    frechetJointDistance: frechetJointDistance(
      { values: real.features, labels: real.labels },
      { values: features, labels },
      FEATURES,
      labelCount,
    ),
    conditionalAccuracy: accuracy,
    frechetDistance: frechetDistance(real.features, features, FEATURES),
    coverage: manifoldScores(real.features, features, FEATURES).coverage,
    diversityRatio: diversityOf(features, labels, FEATURES, labelCount).mean / diversity.mean,
    sharpnessRatio: sharpnessOf(images, size) / sharpness,
  };
  // A label that the classifier often misses on real images is not lost.
  const ceiling = judge.stored.testAccuracy;
  return { scores, accuracyPerLabel: perLabel.map((share) => Math.min(1, (share ?? 1) / ceiling)) };
}

/** One prior sample per label, from the same latents every time, as bytes. */
function decodeSamples(served: NamedWeights[], architecture: Architecture, labels: Uint8Array): Uint8Array {
  const decoder = importWeights(servedSpecs(architecture.decoder), served);
  const random = new StepRandom(LATENT_SEED, 'samples', 0);
  const z = tf.tidy(() => random.normal([labels.length, architecture.latentDim]).dataSync<'float32'>());
  const images = decodeImages(decoder, architecture, z, labels);
  disposeWeights(decoder);
  return images;
}

/** μ of images given their own labels, n × latentDim. */
function meansOf(
  served: NamedWeights[],
  architecture: Architecture,
  { images, labels }: ImageSet,
): Float32Array {
  const encoder = importWeights(servedSpecs(architecture.encoder), served);
  const mean = tf.tidy(() => {
    const [x, y] = [imageTensor(images, architecture), oneHot(labels, architecture.labels)];
    return encode(
      encoder,
      architecture,
      x,
      y,
      inferencePass(architecture.batchNorm),
    ).mu.dataSync<'float32'>();
  });
  disposeWeights(encoder);
  return mean;
}

/** Mean Euclidean distance within a label, of pixels in [0, 1]. */
function spreadOf(images: Uint8Array, labels: Uint8Array, labelCount: number): number {
  const pixels = Float32Array.from(images, (byte) => byte / 255);
  return diversityOf(pixels, labels, images.length / labels.length, labelCount).mean;
}
