import { PresetName, type TrainingConfig, type TrainingConfigOverrides } from './config.ts';

interface Preset {
  description: string;
  config: TrainingConfig;
}

/** The article's own numbers, taken to the letter. */
const article: TrainingConfig = {
  objective: 'vae-gan',
  iterations: 48_000,
  batchSize: 64,
  latentDim: 8,
  networks: { encoder: [32, 64, 64], decoder: [128, 64, 32], discriminator: [128, 64, 16] },
  gamma: 1,
  similarity: 'cross-entropy',
  similarityLayer: 'side-branch',
  similarityDropout: true,
  pixelWeight: 0,
  priorWeight: 1,
  priorLoss: 'clipped',
  priorWarmupIterations: 0,
  ganWeight: 1,
  ganLoss: 'saturating',
  priorFakeWeight: 2,
  reconstructionFakeWeight: 1,
  wrongLabelFakeWeight: 0,
  inputNoise: 0,
  dropout: 0.3,
  batchNorm: false,
  spectralNorm: false,
  optimizer: 'rmsprop-tf1',
  learningRates: { encoder: 1e-3, decoder: 3e-4, discriminator: 1e-3 },
  learningRateDecay: 0,
  warmupIterations: 0,
  innerSteps: { discriminator: 3, generator: 3 },
  gate: 'thresholds',
  discriminatorThreshold: 1,
  generatorThreshold: 0.4,
  decoderAveraging: 0,
  trainOn: 'train+validation',
  checkpointEvery: 500,
  metricsEvery: 10,
  sampleEvery: 100,
  figures: { schedule: 'article', frames: 190, grid: 15 },
};

/** Films of other presets: sixty frames of a hundred images take a run of a minute no more than ten seconds. */
const SHORT_FILMS: TrainingConfig['figures'] = { schedule: 'geometric', frames: 60, grid: 10 };

/** The article's networks and optimiser with what is known to be wrong in its procedure put right, each for a reason: */
const corrected: TrainingConfig = {
  ...article,
  // With one step of each adversary an iteration takes half as long as the article's.
  iterations: 6_000,
  innerSteps: { discriminator: 1, generator: 1 },
  // The article's side branch is trained by no loss: a likelihood in it is one of random features.
  similarityLayer: 'hidden',
  // Two dropout masks differ even where the images are the same: what they cost can only be saved by leaving the latent unused.
  similarityDropout: false,
  // As many reals as fakes, so that guessing costs as much for either.
  priorFakeWeight: 0.5,
  reconstructionFakeWeight: 0.5,
  // The saturating loss has no gradient where the discriminator wins (Goodfellow et al. 2014).
  ganLoss: 'non-saturating',
  // The article's thresholds never bind at its sizes.
  gate: 'equilibrium',
  // Validation images are held out to choose the checkpoint by.
  trainOn: 'train',
  figures: SHORT_FILMS,
};

/**
 * Two minutes on two CPU cores. Chosen by the trials in docs/experiments.md; what differs from the article, and why:
 */
const quick: TrainingConfig = {
  ...article,
  iterations: 1_600,
  // Half as wide or less: a step takes a quarter of the time.
  networks: { encoder: [16, 32, 64], decoder: [64, 32, 16], discriminator: [32, 32, 16] },
  // A pixel term and a squared distance on a layer that the discriminator trains keep reconstructions close from the start.
  similarity: 'mse',
  similarityLayer: 'hidden',
  pixelWeight: 0.4,
  // A stronger prior than the article's, so that samples of N(0, I) fall where the encoder puts real images; 5 leaves dimensions unused.
  priorWeight: 2,
  // The adversarial loss judges prior samples only: that is where blur and wrong digits come from, and it saves a third of a step.
  ganLoss: 'non-saturating',
  ganWeight: 30,
  priorFakeWeight: 1,
  reconstructionFakeWeight: 0,
  // Real images under wrong labels as fakes: at 2,400 iterations one sample in fifty was another label's without them, one in a hundred and thirty with them.
  wrongLabelFakeWeight: 0.5,
  // There is no time to overfit in, so no noise is needed against it.
  dropout: 0,
  optimizer: 'adam',
  learningRates: { encoder: 2e-3, decoder: 3e-3, discriminator: 1.5e-3 },
  // Falling rates and averaged weights settle what the last steps would leave restless.
  learningRateDecay: 0.3,
  decoderAveraging: 0.99,
  // The discriminator has nothing to learn from noise: first the decoder learns to draw.
  warmupIterations: 200,
  innerSteps: { discriminator: 1, generator: 1 },
  trainOn: 'train',
  checkpointEvery: 200,
  figures: SHORT_FILMS,
};

/** The default: `quick` with more than twice the training, about three minutes on two CPU cores. */
const modern: TrainingConfig = {
  ...quick,
  // docs/experiments.md tells what each length gave.
  iterations: 4_000,
  // A KL term that is not clipped makes posteriors as wide as N(0, I) wants them, so that the prior has fewer holes.
  priorLoss: 'exact',
  // In a longer run they drive out what is unusual: labels come right by themselves, and diversity would fall for nothing.
  wrongLabelFakeWeight: 0,
  // Averages over about a thousand steps: in a longer run the last of them differ less.
  decoderAveraging: 0.999,
  // Ten checkpoints to choose from, at half a second each.
  checkpointEvery: 400,
  // Twenty sheets of a run are enough to see it learn.
  sampleEvery: 200,
};

export const PRESETS: Record<PresetName, Preset> = {
  modern: {
    description:
      'Sharp, diverse images that keep their style: the best for the compute, in minutes on two CPU cores.',
    config: modern,
  },
  article: {
    description: 'The VAE+GAN of the article to the letter, quirks included; hours on a CPU.',
    config: article,
  },
  corrected: {
    description:
      "The article's networks with the faults of its procedure put right; under an hour on two CPU cores.",
    config: corrected,
  },
  quick: {
    description: 'Recognisable, sharp images of the asked label within two minutes on two CPU cores.',
    config: quick,
  },
  cvae: {
    description: 'The plain conditional VAE, the blurred but diverse baseline.',
    config: {
      ...article,
      objective: 'cvae',
      iterations: 6_000,
      learningRates: { encoder: 1e-3, decoder: 1e-3, discriminator: 1e-3 },
      trainOn: 'train',
      figures: SHORT_FILMS,
    },
  },
};

/** A preset with a request's numbers in place of its own; nested groups are merged. */
export function resolveConfig(preset: PresetName, overrides: TrainingConfigOverrides = {}): TrainingConfig {
  const base = PRESETS[preset].config;
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  return {
    ...base,
    ...given,
    learningRates: { ...base.learningRates, ...overrides.learningRates },
    innerSteps: { ...base.innerSteps, ...overrides.innerSteps },
    networks: { ...base.networks, ...overrides.networks },
    figures: { ...base.figures, ...overrides.figures },
  } as TrainingConfig;
}

/**
 * A configuration as an earlier version stored it, with the preset's numbers for what that version did not know; a preset
 * that is gone counts as `article`, whose numbers say "as in the article".
 */
export function completeConfig(preset: string, stored: TrainingConfigOverrides): TrainingConfig {
  const known = PresetName.safeParse(preset);
  return resolveConfig(known.success ? known.data : 'article', stored);
}
