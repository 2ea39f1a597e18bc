import type { Dataset } from '../../core/contracts/dataset.ts';
import { EVALUATION_SAMPLES, type Evaluation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { buildInferenceModel } from '../../model/inference.ts';
import { weightsDigest } from '../../store/digest.ts';
import type { FolderStore } from '../../store/index.ts';
import { drawSamples } from './draw.ts';
import { exportScored, type ScoredImages } from './export.ts';
import { Judge } from './judge.ts';
import { kidSubsets } from './metrics/kid.ts';
import { MEMORISED_BELOW, nearestTrainingDistance } from './metrics/memorisation.ts';
import { ModelImages } from './model-images.ts';
import { notesOn } from './notes.ts';
import { inEvaluationOrder } from './order.ts';
import { scoreLatents, scoreReconstructions, scoreTransfers } from './parts.ts';
import { unjudgeable } from './reference.ts';
import { scoreSet } from './scores.ts';
import { baselineOf } from './self-tests.ts';
import { Work, type WorkOptions } from './work.ts';

export interface EvaluateOptions extends WorkOptions {
  /** What the weights are for: the shape of images and the configuration they were trained with. */
  record: Pick<ModelRecord, 'image' | 'config'>;
  /** Encoder and decoder as served. */
  weights: NamedWeights[];
  dataset: Dataset;
  /** Where self-tests are kept that had to be measured. */
  dataDir: string;
  /** Where classifiers are kept that were trained here; without it only shipped ones judge. */
  store?: FolderStore | undefined;
  /** Prior samples to score; 10,000 where nothing speaks against it. */
  samples?: number;
  /** Scoring more than 2,000 samples stops there when the rest would take the whole longer than this. */
  secondsAllowed?: number;
  /** A folder to write every scored image to, for others to score. */
  exportTo?: string;
}

/**
 * Evaluates a model on the test images by the protocol of docs/evaluation.md. Deterministic on one machine and build,
 * but for `seconds`, `evaluatedAt` and whether `secondsAllowed` was reached.
 *
 * @throws evaluation_unavailable where no reference classifier was trained on the dataset; classifier_unfit;
 *   checkpoint_corrupt when the weights do not fit the record; `signal`'s reason when it is aborted
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { record, weights, exportTo, samples = EVALUATION_SAMPLES.full } = options;
  const dataset = inEvaluationOrder(options.dataset);
  const startedAt = performance.now();
  const judge = unjudgeable(dataset) ? undefined : await Judge.of(dataset.info, options.store);
  if (!judge) throw noJudge(dataset);
  const model = await buildInferenceModel(record, weights);
  try {
    const source = new ModelImages(model, record.config.latentDim, dataset, samples);
    const seconds = () => (performance.now() - startedAt) / 1000;
    const { measured, scored } = await measure(judge, source, { ...options, dataset, samples, seconds });
    const { dataset: judged, digest, testAccuracy } = judge.shipped;
    const evaluation: Evaluation = {
      modelDigest: weightsDigest(weights),
      split: 'test',
      classifier: { dataset: judged, digest, testAccuracy },
      ...measured,
      notes: notesOn(dataset, testAccuracy),
      seconds: seconds(),
      evaluatedAt: new Date().toISOString(),
    };
    if (exportTo !== undefined) await exportScored(exportTo, scored, evaluation);
    return evaluation;
  } finally {
    model.dispose();
    judge.dispose();
  }
}

/** Of pixels in [0, 1], half a grey level. */
const LEAST_DISTANCE = 1 / 512;

type Measured = Omit<
  Evaluation,
  'modelDigest' | 'split' | 'classifier' | 'notes' | 'seconds' | 'evaluatedAt'
>;

/** All figures, and the images they are of. */
async function measure(
  judge: Judge,
  source: ModelImages,
  options: EvaluateOptions & { samples: number; seconds(): number },
): Promise<{ measured: Measured; scored: ScoredImages }> {
  const { dataset, dataDir } = options;
  const { test, train } = dataset;
  const work = new Work(options);
  const yardstick = await judge.yardstick(test, work.during('yardstick'));
  const samples = await drawSamples(judge, source, work, options);
  const count = samples.labels.length;
  const baseline = await baselineOf(judge, dataset, yardstick, count, { dataDir, between: work.pause });
  const { scores, agreement, diversityPerLabel } = scoreSet(samples, yardstick);
  const { latent, mean } = await scoreLatents(source, dataset, count, work);

  const reconstructions = await source.reconstructions(mean, work.pause);
  const rebuilt = await judge.see(reconstructions.images, reconstructions.labels, work.pause);
  const transfers = await source.transfers(mean, work.during('transfers', 0, 0.5));
  const styleTransfer = await scoreTransfers(judge, source, transfers, work.during('transfers', 0.5, 1));

  const pixels = test.images.length / test.count;
  const near = work.during('memorisation');
  const nearest = await nearestTrainingDistance(samples.images, train.images, pixels, near);
  // Test images that were trained on too are no distance at all away.
  const ratio = nearest / Math.max(baseline.testToTraining, LEAST_DISTANCE);
  return {
    measured: {
      samples: count,
      ...scores,
      conditionalAccuracyPerLabel: agreement.perLabel,
      diversityRatioPerLabel: diversityPerLabel,
      confusion: agreement.confusion,
      reconstruction: scoreReconstructions(rebuilt, yardstick),
      styleTransfer,
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

function noJudge(dataset: Dataset): StylographError {
  const { info } = dataset;
  const why = unjudgeable(dataset);
  if (why !== undefined) {
    const detail = `Models of "${info.id}" cannot be evaluated: ${why}. Upload more images.`;
    return new StylographError('evaluation_unavailable', detail);
  }
  return new StylographError(
    'evaluation_unavailable',
    `No reference classifier was trained on this "${info.id}" (digest ${info.digest.slice(0, 12)}…), so its models cannot be evaluated. ` +
      'A run trains one when it begins.',
  );
}
