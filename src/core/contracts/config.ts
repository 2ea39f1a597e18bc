import { z } from 'zod';

const rate = (what: string) =>
  z
    .number()
    .gt(0)
    .max(1)
    .meta({ description: `Learning rate of the ${what}'s optimiser.` });
const width = (what: string) => z.int().min(4).max(512).meta({ description: what });

/**
 * Every number of a training run. A preset is a full value of this; a request may override any of them.
 * The `article` preset states the article's own values.
 */
export const TrainingConfig = z
  .strictObject({
    objective: z
      .enum(['vae-gan', 'cvae'])
      .meta({ description: 'Three networks with learned similarity, or the plain conditional VAE.' }),
    iterations: z.int().min(1).max(1_000_000).meta({
      description:
        'Outer iterations. One holds up to innerSteps discriminator and innerSteps encoder/decoder steps.',
    }),
    batchSize: z.int().min(2).max(512).meta({ description: 'Images a step.' }),
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
      .meta({ description: 'Weight of the likelihood loss against the GAN loss in the decoder.' }),
    similarity: z
      .enum(['cross-entropy', 'mse'])
      .meta({ description: 'How activations of the similarity layer are compared.' }),
    similarityLayer: z.enum(['side-branch', 'hidden', 'every-hidden']).meta({
      description:
        "The layer d_l: the article's untrained linear side branch, the last hidden layer, which the discriminator's own loss trains, or every hidden layer, brought to one scale.",
    }),
    similarityDropout: z
      .boolean()
      .meta({ description: "Whether the discriminator's dropout is on in the similarity pass." }),
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
        'The KL term with log σ² clipped to [−2, 2], as in the article, beyond which a narrower posterior costs nothing, or as it is.',
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
      description: 'The decoder minimises −L_GAN (saturating), or −Σ log d of its images (non-saturating).',
    }),
    priorFakeWeight: z.number().min(0).max(10).meta({
      description: 'Weight of prior samples against reals in L_GAN; 2 in the article.',
    }),
    reconstructionFakeWeight: z.number().min(0).max(10).meta({
      description: 'Weight of reconstructions against reals in L_GAN; 1 in the article.',
    }),
    wrongLabelFakeWeight: z.number().min(0).max(10).meta({
      description:
        'Weight of real images under a wrong label, as fakes, against reals in L_GAN of the discriminator; 0 in the article.',
    }),
    inputNoise: z.number().min(0).max(1).meta({
      description:
        'Deviation of the noise on every image that the discriminator judges at the start; it falls linearly to 0 at the end. 0 in the article.',
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
        'Fraction of the run, at its end, over which the rates fall linearly to a tenth; 0 keeps them.',
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
      .meta({ description: 'The most discriminator and encoder/decoder steps an iteration.' }),
    gate: z.enum(['thresholds', 'equilibrium']).meta({
      description:
        "What holds the adversaries in balance: the article's thresholds on L_GAN, or an equilibrium, in which the discriminator rests while it wins and the decoder while it loses.",
    }),
    discriminatorThreshold: z.number().min(0).max(1000).meta({
      description: 'Discriminator steps of an iteration stop after the first with L_GAN below this.',
    }),
    generatorThreshold: z.number().min(0).max(1000).meta({
      description: 'Encoder/decoder steps of an iteration stop after the first with L_GAN above this.',
    }),
    decoderAveraging: z.number().min(0).max(0.99999).meta({
      description:
        'Decay of the exponential average of the weights that is served; 0 serves the weights themselves.',
    }),
    trainOn: z.enum(['train', 'train+validation']).meta({
      description:
        'Whether the validation images are trained on too, as in the article. Then nothing is held out to choose by, and the last iterate is published; otherwise the checkpoint with the best evidence.',
    }),
    checkpointEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between checkpoints.' }),
    metricsEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between metrics events.' }),
    sampleEvery: z.int().min(1).max(1_000_000).meta({ description: 'Iterations between sample pictures.' }),
    figures: z
      .strictObject({
        schedule: z.enum(['geometric', 'article']).meta({
          description:
            "When a film's frames are taken: dense at first and ever farther apart, or the article's: each third iteration to 297, then each thirtieth to 2,970.",
        }),
        frames: z.int().min(0).max(200).meta({ description: 'The most frames of a film; 0 makes no films.' }),
        grid: z
          .int()
          .min(2)
          .max(20)
          .meta({ description: 'Images a side of a frame; the article has 15. Figures always have 15.' }),
      })
      .meta({ description: 'The films of each label that are drawn after training.' }),
  })
  .meta({ id: 'TrainingConfig' });
export type TrainingConfig = z.infer<typeof TrainingConfig>;

const { learningRates, innerSteps, networks, figures } = TrainingConfig.shape;

/** What a request may override; nested groups may be given in part. */
export const TrainingConfigOverrides = TrainingConfig.extend({
  learningRates: learningRates.partial(),
  innerSteps: innerSteps.partial(),
  networks: networks.partial(),
  figures: figures.partial(),
})
  .partial()
  .meta({ id: 'TrainingConfigOverrides', description: "Numbers that replace the preset's." });
export type TrainingConfigOverrides = z.infer<typeof TrainingConfigOverrides>;

export const PresetName = z
  .enum(['modern', 'quick', 'corrected', 'article', 'cvae'])
  .meta({ id: 'PresetName', description: 'A named set of numbers to start from.' });
export type PresetName = z.infer<typeof PresetName>;
