import type { Dataset } from '../../core/contracts/dataset.ts';
import { EVALUATION_SAMPLES, type Evaluation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { buildInferenceModel } from '../../model/inference.ts';
import { weightsDigest } from '../../store/digest.ts';
import type { FolderStore } from '../../store/index.ts';
import { baselineOf } from './baselines.ts';
import { exportImages, type ScoredImages } from './export-images.ts';
import { evaluationObstacle, firstImages, inEvaluationOrder } from './image-sets.ts';
import { kidSubsets } from './metrics/kid.ts';
import { MEMORISED_BELOW, nearestTrainingDistance } from './metrics/neighbours.ts';
import { ModelImages } from './model-images.ts';
import { EvaluationProgress, type ProgressOptions } from './progress.ts';
import { ReferenceClassifier } from './reference-classifier.ts';
import {
  type ClassifiedImages,
  scoreLatents,
  scoreReconstructions,
  scoreSet,
  scoreTransfers,
} from './scores.ts';

export interface EvaluateOptions extends ProgressOptions {
  /** The shape of the images and the configuration that the weights were trained with. */
  record: Pick<ModelRecord, 'image' | 'config'>;
  /** Encoder and decoder in their serving form. */
  weights: NamedWeights[];
  dataset: Dataset;
  /** Where measured baselines are kept. */
  dataDir: string;
  /** Where classifiers trained here are kept; without it only shipped ones are used. */
  store?: FolderStore | undefined;
  /** Prior samples to score, 10,000 by default. */
  samples?: number;
  /** After 2,000 samples, the evaluation scores no more if the whole would take longer than this. */
  secondsAllowed?: number;
  /** A folder to write every scored image to, for other programs to score. */
  exportTo?: string;
}

/** The smallest distance to a training image that counts, of pixels in [0, 1]: half a grey level. */
const LEAST_DISTANCE = 1 / 512;
/** Accuracy of the reference classifier below which an evaluation carries a warning. */
const GOOD_ACCURACY = 0.9;
/** Number of test images below which distances are rough. */
const FEW_TEST_IMAGES = 1_000;

/**
 * Evaluates a model on the test images by the protocol of docs/evaluation.md. Deterministic on one machine and build,
 * except for `seconds`, `evaluatedAt` and whether `secondsAllowed` was reached.
 *
 * @throws evaluation_unavailable when the dataset has no reference classifier; classifier_unfit; checkpoint_corrupt when
 *   the weights do not fit the record; `signal`'s reason when it is aborted
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { record, weights, store, exportTo, samples = EVALUATION_SAMPLES.full } = options;
  const dataset = inEvaluationOrder(options.dataset);
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const judge = await openJudge(dataset, store);
  const model = await buildInferenceModel(record, weights);
  try {
    const source = new ModelImages(model, record.config.latentDim, dataset, samples);
    const { measured, scored } = await measure(judge, source, { ...options, dataset, samples, seconds });
    const { dataset: judged, digest, testAccuracy } = judge.stored;
    const evaluation: Evaluation = {
      modelDigest: weightsDigest(weights),
      split: 'test',
      classifier: { dataset: judged, digest, testAccuracy },
      ...measured,
      notes: notesOn(dataset, testAccuracy),
      seconds: seconds(),
      evaluatedAt: new Date().toISOString(),
    };
    if (exportTo !== undefined) await exportImages(exportTo, scored, evaluation);
    return evaluation;
  } finally {
    model.dispose();
    judge.dispose();
  }
}

async function openJudge({ info, test }: Dataset, store?: FolderStore): Promise<ReferenceClassifier> {
  const obstacle = evaluationObstacle(test);
  if (obstacle !== undefined) {
    const detail = `Models of "${info.id}" cannot be evaluated: ${obstacle}. Upload more images.`;
    throw new StylographError('evaluation_unavailable', detail);
  }
  const judge = await ReferenceClassifier.open(info, store);
  if (judge) return judge;
  throw new StylographError(
    'evaluation_unavailable',
    `No reference classifier was trained on this "${info.id}" (digest ${info.digest.slice(0, 12)}…), so its models cannot be evaluated. ` +
      'A run trains one when it begins.',
  );
}

type MeasureOptions = EvaluateOptions & { samples: number; seconds(): number };
type Measured = Omit<
  Evaluation,
  'modelDigest' | 'split' | 'classifier' | 'notes' | 'seconds' | 'evaluatedAt'
>;

/** All scores, and the images that they describe. */
async function measure(
  judge: ReferenceClassifier,
  source: ModelImages,
  options: MeasureOptions,
): Promise<{ measured: Measured; scored: ScoredImages }> {
  const { dataset, dataDir } = options;
  const { info, test, train, validation } = dataset;
  const progress = new EvaluationProgress(options);
  const real = await judge.classifyReal(test, progress.within('reference'));
  const samples = await classifySamples(judge, source, progress, options);
  const count = samples.labels.length;
  const baseline = await baselineOf(judge, dataset, real, count, { dataDir, onChunk: progress.pause });
  const { scores, agreement, diversityPerLabel } = scoreSet(samples, real);

  const [encoded, fitted] = [firstImages(test, count), firstImages(validation, count)];
  const { mean, logVar } = await source.encode(encoded, progress.within('latents', 0, 0.5));
  const fit = await source.encode(fitted, progress.within('latents', 0.5, 1));
  const latent = scoreLatents(
    { mean, logVar, labels: encoded.labels },
    { mean: fit.mean, labels: fitted.labels },
    info.labels.length,
  );

  const reconstructions = await source.reconstructions(mean, progress.pause);
  const rebuilt = await judge.classify(reconstructions, progress.pause);
  const transfers = await source.transfers(mean, progress.within('transfers', 0, 0.5));
  const transferred = await judge.classify(transfers, progress.within('transfers', 0.5, 1));

  const pixels = test.images.length / test.count;
  const onChunk = progress.within('memorisation');
  const nearest = await nearestTrainingDistance(samples.images, train.images, pixels, onChunk);
  // The distance is 0 when the test images were trained on as well.
  const ratio = nearest / Math.max(baseline.testToTraining, LEAST_DISTANCE);
  return {
    measured: {
      samples: count,
      ...scores,
      conditionalAccuracyPerLabel: agreement.perLabel,
      diversityRatioPerLabel: diversityPerLabel,
      confusion: agreement.confusion,
      reconstruction: scoreReconstructions(rebuilt, real),
      styleTransfer: scoreTransfers(transferred, source.sources, source.shuffled, judge.size),
      latent,
      memorisation: { ratio, flagged: ratio < MEMORISED_BELOW },
      selfTests: baseline.selfTests,
    },
    scored: {
      size: judge.size,
      real: test,
      samples,
      reconstructions,
      transfers,
      kidSubsets: kidSubsets(test.count, count),
    },
  };
}

/** Classified prior samples: the short set first, then the others if time allows. */
async function classifySamples(
  judge: ReferenceClassifier,
  source: ModelImages,
  progress: EvaluationProgress,
  { samples, secondsAllowed = Number.POSITIVE_INFINITY, seconds }: MeasureOptions,
): Promise<ClassifiedImages> {
  const classify = async (from: number, to: number): Promise<ClassifiedImages> => {
    const middle = (from + to) / 2;
    const drawing = progress.within('samples', from / samples, middle / samples);
    const drawn = await source.priorSamples(from, to, drawing);
    return await judge.classify(drawn, progress.within('samples', middle / samples, to / samples));
  };
  const short = Math.min(samples, EVALUATION_SAMPLES.short);
  const before = seconds();
  const first = await classify(0, short);
  const took = seconds() - before;
  // Transfers and reconstructions follow: six times as many images as the short set.
  const left = took * ((samples - short) / short + 6);
  if (samples === short || seconds() + left > secondsAllowed) return first;
  return joined(first, await classify(short, samples));
}

function joined(a: ClassifiedImages, b: ClassifiedImages): ClassifiedImages {
  const bytes = (x: Uint8Array, y: Uint8Array): Uint8Array => Uint8Array.from(Buffer.concat([x, y]));
  const features = new Float32Array(a.features.length + b.features.length);
  features.set(a.features);
  features.set(b.features, a.features.length);
  return {
    images: bytes(a.images, b.images),
    labels: bytes(a.labels, b.labels),
    features,
    predictions: bytes(a.predictions, b.predictions),
  };
}

/** What to keep in mind with the numbers of an evaluation. */
function notesOn({ info, test }: Dataset, testAccuracy: number): string[] {
  const notes: string[] = [];
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  if (testAccuracy < GOOD_ACCURACY) {
    notes.push(
      `The reference classifier recognises only ${percent(testAccuracy)} of real test images (guessing: ${percent(1 / info.labels.length)}). Accuracies can hardly exceed that, and its features say little: treat all scores as rough.`,
    );
  }
  if (test.count < FEW_TEST_IMAGES) {
    notes.push(
      `There are only ${test.count} test images, so distances are too large and vary. Compare them with the self-tests and with other models of this dataset, not with other datasets.`,
    );
  }
  if (info.channels === 3) {
    notes.push(
      'Slant is a property of ink on paper and is not measured in colour; "ink" is brightness there.',
    );
  }
  return notes;
}
