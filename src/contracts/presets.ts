import type { PresetName, TrainingConfig, TrainingConfigOverrides } from './config.ts';

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
  ganWeight: 1,
  ganLoss: 'saturating',
  priorFakeWeight: 2,
  reconstructionFakeWeight: 1,
  dropout: 0.3,
  batchNorm: false,
  optimizer: 'rmsprop-tf1',
  learningRates: { encoder: 1e-3, decoder: 3e-4, discriminator: 1e-3 },
  learningRateDecay: 0,
  warmupIterations: 0,
  innerSteps: { discriminator: 3, generator: 3 },
  discriminatorThreshold: 1,
  generatorThreshold: 0.4,
  decoderAveraging: 0,
  trainOn: 'train+validation',
  checkpointEvery: 500,
  metricsEvery: 10,
  sampleEvery: 100,
};

export const PRESETS: Record<PresetName, Preset> = {
  article: {
    description: 'The VAE+GAN of the article to the letter, quirks included; hours on a CPU.',
    config: article,
  },
  quick: {
    description: 'Recognisable, sharp images of the asked label within two minutes on two CPU cores.',
    config: { ...article, iterations: 300, trainOn: 'train' },
  },
  cvae: {
    description: 'The plain conditional VAE, the blurred but diverse baseline.',
    config: { ...article, objective: 'cvae', iterations: 6_000, trainOn: 'train' },
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
  } as TrainingConfig;
}
