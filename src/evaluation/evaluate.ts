import type { Dataset } from '../contracts/dataset.ts';
import { EVALUATION_SAMPLES, type Evaluation } from '../contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../contracts/model.ts';
import { StylographError } from '../errors.ts';
import { buildInferenceModel } from '../model/inference.ts';
import { weightsDigest } from '../store/digest.ts';
import { type Between, FEATURES } from './classifier.ts';
import { Judge } from './judge.ts';
import { activeUnits, klPerDimension, probeAccuracy } from './metrics/latent.ts';
import { MEMORISED_BELOW, nearestTrainingDistance } from './metrics/memorisation.ts';
import { meanRowDistance, meanSquaredError, structuralSimilarity } from './metrics/reconstruction.ts';
import { styleMoments, transferCorrelation } from './metrics/style.ts';
import { type AskedImages, ModelImages } from './model-images.ts';
import { type ScoredSet, scoreSet, type Yardstick } from './scores.ts';
import { baselineOf } from './self-tests.ts';

/** Every image that was scored, for others to score. */
export interface EvaluatedImages {
  samples: AskedImages;
  originals: AskedImages;
  reconstructions: AskedImages;
  sources: AskedImages;
  /** Row by row a source, its columns the labels. */
  transfers: AskedImages;
}

export interface EvaluateOptions {
  /** What the weights are for: the shape of images and the configuration they were trained with. */
  record: Pick<ModelRecord, 'image' | 'config'>;
  /** Encoder and decoder as served. */
  weights: NamedWeights[];
  dataset: Dataset;
  /** Where self-tests are kept that had to be measured. */
  dataDir: string;
  /** Prior samples to score; 10,000 where nothing speaks against it. */
  samples?: number;
  /** Scoring more than 2,000 samples stops there when the rest would take the whole longer than this. */
  secondsAllowed?: number;
  /** Aborting makes the evaluation reject with its reason. */
  signal?: AbortSignal;
  /** Share of the work that is done, 0 to 1. */
  onProgress?(share: number): void | Promise<void>;
  /** Receives the images that were scored. */
  onImages?(images: EvaluatedImages): void | Promise<void>;
}

/** Shares of the work, roughly as measured. */
const STAGES = { yardstick: 0.2, samples: 0.2, latents: 0.1, transfers: 0.4, memorisation: 0.1 };
type Stage = keyof typeof STAGES;

/**
 * Evaluates a model on the test images by the protocol of docs/evaluation.md. Deterministic on one machine and build,
 * but for `seconds`, `evaluatedAt` and whether `secondsAllowed` was reached.
 *
 * @throws evaluation_unavailable where no reference classifier was trained on the dataset; classifier_unfit;
 *   checkpoint_corrupt when the weights do not fit the record; `signal`'s reason when it is aborted
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { record, weights, dataset, dataDir, samples = EVALUATION_SAMPLES.full } = options;
  const startedAt = performance.now();
  const judge = Judge.of(dataset.info);
  if (!judge) throw noJudge(dataset);
  const work = new Work(options);
  const model = await buildInferenceModel(record, weights);
  try {
    const source = new ModelImages(model, record.config.latentDim, dataset, samples);
    const yardstick = await judge.yardstick(dataset.test, work.during('yardstick'));
    const seconds = () => (performance.now() - startedAt) / 1000;
    const drawn = await drawSamples(judge, source, work, { samples, ...options, seconds });
    const baseline = await baselineOf(judge, dataset, yardstick, drawn.labels.length, {
      dataDir,
      between: work.pause,
    });
    const { scores, agreement, diversityPerLabel } = scoreSet(drawn, yardstick);
    const { latent, mean } = await scoreLatents(source, dataset, drawn.labels.length, work);
    const reconstructions = await source.reconstructions(mean, work.pause);
    const reconstruction = scoreReconstructions(
      await judge.see(reconstructions.images, reconstructions.labels, work.pause),
      yardstick,
    );
    const transfers = await source.transfers(mean, work.during('transfers', 0, 0.5));
    const styleTransfer = await scoreTransfers(judge, source, transfers, work.during('transfers', 0.5, 1));
    const memorised =
      (await nearestTrainingDistance(
        drawn.images,
        dataset.train.images,
        dataset.test.images.length / dataset.test.count,
        work.during('memorisation'),
      )) / baseline.testToTraining;
    await options.onImages?.({
      samples: drawn,
      originals: source.originals,
      reconstructions,
      sources: source.sources,
      transfers,
    });
    const { dataset: judged, digest, testAccuracy } = judge.shipped;
    return {
      modelDigest: weightsDigest(weights),
      split: 'test',
      samples: drawn.labels.length,
      classifier: { dataset: judged, digest, testAccuracy },
      ...scores,
      conditionalAccuracyPerLabel: agreement.perLabel,
      diversityRatioPerLabel: diversityPerLabel,
      confusion: agreement.confusion,
      reconstruction,
      styleTransfer,
      latent,
      memorisation: { ratio: memorised, flagged: memorised < MEMORISED_BELOW },
      selfTests: baseline.selfTests,
      seconds: seconds(),
      evaluatedAt: new Date().toISOString(),
    };
  } finally {
    model.dispose();
    judge.dispose();
  }
}

function noJudge({ info }: Dataset): StylographError {
  return new StylographError(
    'evaluation_unavailable',
    `No reference classifier was trained on this "${info.id}" (digest ${info.digest.slice(0, 12)}…), so its models cannot be evaluated. ` +
      `Train one: node --import tsx scripts/train-classifier.ts ${info.id}`,
  );
}

/** Lets the process breathe between pieces of work, notices a stop, tells how far it is. */
class Work {
  readonly #options: EvaluateOptions;

  constructor(options: EvaluateOptions) {
    this.#options = options;
  }

  readonly pause: Between = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal?.throwIfAborted();
  };

  /** For work that takes a stage from one share of it to another. */
  during(stage: Stage, from = 0, to = 1): Between {
    const names = Object.keys(STAGES) as Stage[];
    const before = names.slice(0, names.indexOf(stage)).reduce((sum, name) => sum + STAGES[name], 0);
    return async (done, of) => {
      await this.pause(done, of);
      const share = from + ((to - from) * done) / of;
      await this.#options.onProgress?.(before + STAGES[stage] * share);
    };
  }
}

interface DrawOptions {
  samples: number;
  secondsAllowed?: number;
  /** Spent so far. */
  seconds(): number;
}

/** Prior samples and what the judge sees in them: first the short set, then the rest if there is time for it. */
async function drawSamples(
  judge: Judge,
  source: ModelImages,
  work: Work,
  { samples, secondsAllowed = Number.POSITIVE_INFINITY, seconds }: DrawOptions,
): Promise<ScoredSet> {
  const see = async (from: number, to: number): Promise<ScoredSet> => {
    const middle = (from + to) / 2;
    const asked = await source.priorSamples(
      from,
      to,
      work.during('samples', from / samples, middle / samples),
    );
    return await judge.see(
      asked.images,
      asked.labels,
      work.during('samples', middle / samples, to / samples),
    );
  };
  const short = Math.min(samples, EVALUATION_SAMPLES.short);
  const before = seconds();
  const first = await see(0, short);
  const took = seconds() - before;
  // Besides samples, transfers and reconstructions wait: six times as many images as the short set.
  const left = took * ((samples - short) / short + 6);
  if (samples === short || seconds() + left > secondsAllowed) return first;
  const rest = await see(short, samples);
  return joinSets(first, rest);
}

function joinSets(a: ScoredSet, b: ScoredSet): ScoredSet {
  const bytes = (x: Uint8Array, y: Uint8Array): Uint8Array => Uint8Array.from(Buffer.concat([x, y]));
  const values = new Float32Array(a.seen.values.length + b.seen.values.length);
  values.set(a.seen.values);
  values.set(b.seen.values, a.seen.values.length);
  return {
    images: bytes(a.images, b.images),
    labels: bytes(a.labels, b.labels),
    seen: {
      count: a.seen.count + b.seen.count,
      values,
      predictions: bytes(a.seen.predictions, b.seen.predictions),
    },
  };
}

async function scoreLatents(
  source: ModelImages,
  { info, test, validation }: Dataset,
  samples: number,
  work: Work,
): Promise<{ latent: Evaluation['latent']; mean: Float32Array }> {
  const pixels = info.width * info.height * info.channels;
  const firstOf = ({ images, labels }: AskedImages): AskedImages => ({
    images: images.subarray(0, samples * pixels),
    labels: labels.subarray(0, samples),
  });
  const [tested, fitted] = [firstOf(test), firstOf(validation)];
  const { mean, logVar } = await source.encode(tested, work.during('latents', 0, 0.5));
  const fit = await source.encode(fitted, work.during('latents', 0.5, 1));
  const dims = mean.length / tested.labels.length;
  const latent = {
    klPerDimension: klPerDimension(mean, logVar, dims),
    activeUnits: activeUnits(mean, dims),
    probeAccuracy: probeAccuracy(
      { mean: fit.mean, labels: fitted.labels },
      { mean, labels: tested.labels },
      dims,
      info.labels.length,
    ),
  };
  return { latent, mean };
}

/** @param decoded the first test images, reconstructed */
function scoreReconstructions(decoded: ScoredSet, test: Yardstick): Evaluation['reconstruction'] {
  const originals = test.images.subarray(0, decoded.images.length);
  const kept = decoded.seen.predictions.filter((label, i) => label === decoded.labels[i]).length;
  return {
    mse: meanSquaredError(originals, decoded.images),
    ssim: structuralSimilarity(originals, decoded.images, test.size),
    featureDistance: meanRowDistance(
      test.seen.values.subarray(0, decoded.seen.values.length),
      decoded.seen.values,
      FEATURES,
    ),
    labelKept: kept / decoded.labels.length,
  };
}

async function scoreTransfers(
  judge: Judge,
  source: ModelImages,
  transfers: AskedImages,
  between: Between,
): Promise<Evaluation['styleTransfer']> {
  const { seen, labels } = await judge.see(transfers.images, transfers.labels, between);
  const given = styleMoments(source.sources.images, judge.size);
  const got = styleMoments(transfers.images, judge.size);
  const own = Uint32Array.from(given.ink.keys());
  return {
    accuracy: seen.predictions.filter((label, i) => label === labels[i]).length / labels.length,
    slantCorrelation: transferCorrelation(given.slant, got.slant, own),
    inkCorrelation: transferCorrelation(given.ink, got.ink, own),
    slantControl: transferCorrelation(given.slant, got.slant, source.shuffled),
    inkControl: transferCorrelation(given.ink, got.ink, source.shuffled),
  };
}
