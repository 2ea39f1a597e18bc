import { z } from 'zod';

const rate = (what: string) =>
  z
    .number()
    .gt(0)
    .max(1)
    .meta({ description: `Learning rate of the ${what}.` });
const width = (what: string) => z.int().min(4).max(512).meta({ description: what });

/**
 * Every setting of a training run. A preset sets all of them, and a request may override any. The preset `article` has the
 * article's own values.
 */
export const TrainingConfig = z
  .strictObject({
    objective: z.enum(['vae-gan', 'cvae']).meta({
      description: '`vae-gan`: three networks with a learned similarity; `cvae`: the plain conditional VAE.',
    }),
    iterations: z.int().min(1).max(1_000_000).meta({
      description:
        'Outer iterations. Each has up to innerSteps.discriminator discriminator steps, then up to innerSteps.generator encoder/decoder steps.',
    }),
    batchSize: z.int().min(2).max(512).meta({ description: 'Images per step.' }),
    latentDim: z.int().min(1).max(128).meta({ description: 'Length of the latent z.' }),
    networks: z
      .strictObject({
        encoder: z.tuple([width('First convolution'), width('Second convolution'), width('Dense layer')]),
        decoder: z.tuple([
          width('Planes of the dense layer'),
          width('First convolution'),
          width('Second convolution'),
        ]),
        discriminator: z.tuple([
          width('First convolution'),
          width('Second convolution'),
          width('Similarity layer'),
        ]),
      })
      .meta({
        description: 'Widths of the layers, in order; the article has 32-64-64, 128-64-32 and 128-64-16.',
      }),
    gamma: z
      .number()
      .min(0)
      .max(1000)
      .meta({ description: 'Weight of the likelihood loss relative to the GAN loss in the decoder.' }),
    similarity: z
      .enum(['cross-entropy', 'mse'])
      .meta({ description: 'How activations of the similarity layer are compared.' }),
    similarityLayer: z.enum(['side-branch', 'hidden', 'every-hidden']).meta({
      description:
        "The layer d_l. `side-branch`: the article's untrained linear branch; `hidden`: the last hidden layer, which the discriminator's own loss trains; `every-hidden`: all hidden layers, scaled to equal weight.",
    }),
    similarityDropout: z.boolean().meta({ description: 'Whether dropout is on when d_l is computed.' }),
    pixelWeight: z.number().min(0).max(1000).meta({
      description: 'Weight of a pixel cross-entropy added to the likelihood loss; the article has 0.',
    }),
    priorWeight: z
      .number()
      .min(0)
      .max(1000)
      .meta({ description: 'Weight of the KL term; 1 in the article.' }),
    priorLoss: z.enum(['clipped', 'exact']).meta({
      description:
        'The KL term. `clipped`: log σ² clipped to [−2, 2] as in the article, so a posterior beyond that costs nothing more; `exact`: without clipping.',
    }),
    priorWarmupIterations: z.int().min(0).max(1_000_000).meta({
      description: 'Iterations over which the weight of the KL term rises linearly from 0; 0 in the article.',
    }),
    ganWeight: z
      .number()
      .min(0)
      .max(1000)
      .meta({ description: 'Weight of the GAN loss in the decoder; 1 in the article.' }),
    ganLoss: z.enum(['saturating', 'non-saturating']).meta({
      description:
        'What the decoder minimises: −L_GAN (`saturating`), or −Σ log d of its images (`non-saturating`).',
    }),
    priorFakeWeight: z.number().min(0).max(10).meta({
      description: 'Weight of prior samples in L_GAN, relative to real images; 2 in the article.',
    }),
    reconstructionFakeWeight: z.number().min(0).max(10).meta({
      description: 'Weight of reconstructions in L_GAN, relative to real images; 1 in the article.',
    }),
    wrongLabelFakeWeight: z.number().min(0).max(10).meta({
      description:
        "Weight of real images with a wrong label, which count as fakes in the discriminator's L_GAN, relative to real images; 0 in the article.",
    }),
    inputNoise: z.number().min(0).max(1).meta({
      description:
        'Standard deviation of noise on every image that the discriminator sees. It falls linearly to 0 at the end of the run; 0 in the article.',
    }),
    dropout: z.number().min(0).max(0.9).meta({ description: 'Dropout rate after every activation.' }),
    batchNorm: z
      .boolean()
      .meta({ description: 'Batch normalisation (momentum 0.99, no scale) before every activation.' }),
    spectralNorm: z.boolean().meta({
      description:
        "Whether each of the discriminator's kernels is divided by its largest singular value (Miyato et al. 2018); not in the article.",
    }),
    optimizer: z.enum(['rmsprop-tf1', 'adam']).meta({
      description: "TF 1's RMSProp (mean squares start at ones, ε 1e-10), or Adam (β₁ 0.5, β₂ 0.999).",
    }),
    learningRates: z.strictObject({
      encoder: rate('encoder'),
      decoder: rate('decoder'),
      discriminator: rate('discriminator'),
    }),
    learningRateDecay: z.number().min(0).max(1).meta({
      description:
        'Last fraction of the run over which the learning rates fall linearly to a tenth; 0 keeps them constant.',
    }),
    warmupIterations: z.int().min(0).max(1_000_000).meta({
      description:
        'Iterations trained as a plain CVAE before the discriminator takes part; 0 in the article.',
    }),
    innerSteps: z
      .strictObject({
        discriminator: z.int().min(1).max(20),
        generator: z.int().min(1).max(20),
      })
      .meta({ description: 'The most discriminator and encoder/decoder steps per iteration.' }),
    gate: z.enum(['thresholds', 'equilibrium']).meta({
      description:
        "How the adversaries are balanced. `thresholds`: the article's thresholds on L_GAN; `equilibrium`: the discriminator is not updated while it wins, nor the decoder while it loses.",
    }),
    discriminatorThreshold: z.number().min(0).max(1000).meta({
      description: 'The discriminator steps of an iteration end after the first with L_GAN below this.',
    }),
    generatorThreshold: z.number().min(0).max(1000).meta({
      description: 'The encoder/decoder steps of an iteration end after the first with L_GAN above this.',
    }),
    decoderAveraging: z.number().min(0).max(0.99999).meta({
      description:
        'Decay of the exponential average of the weights, which is served; 0 serves the weights themselves.',
    }),
    trainOn: z.enum(['train', 'train+validation']).meta({
      description:
        '`train+validation` also trains on the validation images, as the article does, and publishes the last iteration. `train` holds them out to choose the best checkpoint, which is published.',
    }),
    checkpointEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between checkpoints.' }),
    metricsEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between metrics events.' }),
    sampleEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between sample pictures.' }),
    figures: z
      .strictObject({
        schedule: z.enum(['geometric', 'article']).meta({
          description:
            "When a film's frames are taken. `geometric`: close together at first, then ever further apart; `article`: every third iteration to 297, then every thirtieth to 2,970.",
        }),
        frames: z.int().min(0).max(200).meta({ description: 'The most frames of a film; 0 makes no films.' }),
        grid: z
          .int()
          .min(2)
          .max(20)
          .meta({ description: 'Images per side of a frame; 15 in the article. Figures always have 15.' }),
      })
      .meta({ description: 'The films of each label, drawn after training.' }),
  })
  .meta({ id: 'TrainingConfig' });
export type TrainingConfig = z.infer<typeof TrainingConfig>;

const { learningRates, innerSteps, networks, figures } = TrainingConfig.shape;

/** What a request may override. Nested groups may be partial. */
export const TrainingConfigOverrides = TrainingConfig.extend({
  learningRates: learningRates.partial(),
  innerSteps: innerSteps.partial(),
  networks: networks.partial(),
  figures: figures.partial(),
})
  .partial()
  .meta({ id: 'TrainingConfigOverrides', description: "Settings that replace the preset's." });
export type TrainingConfigOverrides = z.infer<typeof TrainingConfigOverrides>;

export const PresetName = z
  .enum(['modern', 'quick', 'corrected', 'article', 'cvae'])
  .meta({ id: 'PresetName', description: 'A named configuration to start from.' });
export type PresetName = z.infer<typeof PresetName>;
