import { PresetName, type TrainingConfig, type TrainingConfigOverrides } from './config.ts';

interface Preset {
  description: string;
  config: TrainingConfig;
}

/** The article's own values, without changes. */
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

/** Films of the other presets. Sixty frames of a hundred images take at most ten seconds. */
const SHORT_FILMS: TrainingConfig['figures'] = { schedule: 'geometric', frames: 60, grid: 10 };

/** The article's networks and optimiser with the known faults of its procedure corrected. */
const corrected: TrainingConfig = {
  ...article,
  // One step of each adversary: an iteration takes half as long as the article's.
  iterations: 6_000,
  innerSteps: { discriminator: 1, generator: 1 },
  // No loss trains the article's side branch, so it compares random features.
  similarityLayer: 'hidden',
  // Two dropout masks differ even for equal images. The encoder can only lower that cost by ignoring the latent.
  similarityDropout: false,
  // Real and fake images have equal weight, so guessing costs the same for both.
  priorFakeWeight: 0.5,
  reconstructionFakeWeight: 0.5,
  // The saturating loss has no gradient where the discriminator wins (Goodfellow et al. 2014).
  ganLoss: 'non-saturating',
  // The article's thresholds never bind at its sizes.
  gate: 'equilibrium',
  // Validation images are held out to choose the checkpoint.
  trainOn: 'train',
  figures: SHORT_FILMS,
};

/** Two minutes on two CPU cores. The values were chosen by the trials in docs/experiments.md. */
const quick: TrainingConfig = {
  ...article,
  iterations: 1_600,
  // At most half as wide: a step takes a quarter of the time.
  networks: { encoder: [16, 32, 64], decoder: [64, 32, 16], discriminator: [32, 32, 16] },
  // A pixel term, and a squared distance on a layer that the discriminator trains, keep reconstructions close from the start.
  similarity: 'mse',
  similarityLayer: 'hidden',
  pixelWeight: 0.4,
  // A stronger prior than the article's: samples of N(0, I) fall where the encoder places real images. At 5, dimensions are unused.
  priorWeight: 2,
  // Only prior samples count as fakes: blur and wrong digits arise there, and it saves a third of a step.
  ganLoss: 'non-saturating',
  ganWeight: 30,
  priorFakeWeight: 1,
  reconstructionFakeWeight: 0,
  // Real images with wrong labels as fakes: at 2,400 iterations they lowered samples of another label from 1 in 50 to 1 in 130.
  wrongLabelFakeWeight: 0.5,
  // The run is too short to overfit.
  dropout: 0,
  optimizer: 'adam',
  learningRates: { encoder: 2e-3, decoder: 3e-3, discriminator: 1.5e-3 },
  // Falling rates and averaged weights reduce the noise of the last steps.
  learningRateDecay: 0.3,
  decoderAveraging: 0.99,
  // The discriminator learns nothing from noise, so the decoder first trains without it.
  warmupIterations: 200,
  innerSteps: { discriminator: 1, generator: 1 },
  trainOn: 'train',
  checkpointEvery: 200,
  figures: SHORT_FILMS,
};

/** The default: `quick` with more than twice the iterations, about three minutes on two CPU cores. */
const modern: TrainingConfig = {
  ...quick,
  // docs/experiments.md compares lengths.
  iterations: 4_000,
  // Without clipping, posteriors are as wide as N(0, I) requires, so the prior has fewer holes.
  priorLoss: 'exact',
  // In a longer run labels become right without them, and they would only lower diversity.
  wrongLabelFakeWeight: 0,
  // Averages over about a thousand steps: in a longer run the last steps differ less.
  decoderAveraging: 0.999,
  // Ten checkpoints to choose from, half a second each.
  checkpointEvery: 400,
  // Twenty sample sheets are enough to follow a run.
  sampleEvery: 200,
};

export const PRESETS: Record<PresetName, Preset> = {
  modern: {
    description:
      'Sharp, diverse images that keep their style: the best quality within minutes on two CPU cores.',
    config: modern,
  },
  article: {
    description: 'The VAE+GAN exactly as in the article, including its faults; hours on a CPU.',
    config: article,
  },
  corrected: {
    description:
      "The article's networks with the faults of its procedure corrected; under an hour on two CPU cores.",
    config: corrected,
  },
  quick: {
    description: 'Recognisable, sharp images of the requested label within two minutes on two CPU cores.',
    config: quick,
  },
  cvae: {
    description: 'The plain conditional VAE: a blurred but diverse baseline.',
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

/** A preset with a request's overrides; nested groups are merged. */
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
 * A configuration that an earlier version stored, with the preset's values for settings that version did not have. A preset
 * that no longer exists counts as `article`.
 */
export function completeConfig(preset: string, stored: TrainingConfigOverrides): TrainingConfig {
  const known = PresetName.safeParse(preset);
  return resolveConfig(known.success ? known.data : 'article', stored);
}
