import { z } from 'zod';
import { Digest, Timestamp } from './common.ts';

/** Prior samples that an evaluation scores: of a run of 3,000 iterations or more, and of a shorter one. */
export const EVALUATION_SAMPLES = { full: 10_000, short: 2_000 };

/** What scores images: features and distances mean nothing apart from the classifier they were measured with. */
const ReferenceClassifier = z.strictObject({
  dataset: z.string(),
  digest: Digest,
  testAccuracy: z.number().meta({
    description: 'Its share of right answers on real test images: the ceiling of every accuracy.',
  }),
});

/** One share or ratio a label, in the order of the model's labels. */
const perLabel = (description: string) => z.array(z.number().nullable()).meta({ description });
const share = (description: string) => z.number().min(0).max(1).meta({ description });
const ratio = (description: string) => z.number().min(0).meta({ description });
const correlation = (description: string) => z.number().min(-1).max(1).nullable().meta({ description });

/** Scores of a set of images against the real test images. */
export const SampleScores = z
  .strictObject({
    conditionalAccuracy: share('Share of images that the classifier gives the asked label.'),
    frechetDistance: ratio('Fréchet distance of standardised features, divided by 64.'),
    kid: z.number().meta({ description: 'Kernel distance (x·y/64 + 1)³, unbiased, mean over 50 subsets.' }),
    precision: share('Share of images within the real manifold (k = 5).'),
    recall: share('Share of real images within the generated manifold (k = 5).'),
    density: ratio('Naeem et al. 2020, k = 5.'),
    coverage: share('Naeem et al. 2020, k = 5.'),
    diversityRatio: ratio(
      'Mean pairwise feature distance within a label, generated to real; below 0.5 is a collapse.',
    ),
    sharpnessRatio: ratio('Median variance of the Laplacian, generated to real; noise raises it.'),
  })
  .meta({ id: 'SampleScores' });
export type SampleScores = z.infer<typeof SampleScores>;

/** What a checkpoint's weights are worth on validation images: by this the published one is chosen. */
export const Validation = z
  .strictObject({
    iteration: z.int(),
    secondsElapsed: z.number().meta({ description: 'Seconds of training before it.' }),
    samples: z
      .int()
      .meta({ description: 'Prior samples scored, against as many validation images or more.' }),
    frechetJointDistance: ratio(
      'Fréchet distance of features joined with the asked label: blur, few pictures a label and wrong labels all raise it. The lowest is published.',
    ),
    ...SampleScores.pick({
      conditionalAccuracy: true,
      frechetDistance: true,
      coverage: true,
      diversityRatio: true,
      sharpnessRatio: true,
    }).shape,
  })
  .meta({ id: 'Validation' });
export type Validation = z.infer<typeof Validation>;

/** What an evaluation found, by the protocol of docs/evaluation.md. Every number is of images rounded to bytes. */
export const Evaluation = z
  .strictObject({
    modelDigest: Digest.meta({ description: 'SHA-256 of the weights that were evaluated.' }),
    split: z.enum(['validation', 'test']),
    samples: z.int().meta({ description: 'Prior samples scored; short runs use 2,000, others 10,000.' }),
    classifier: ReferenceClassifier,
    ...SampleScores.shape,
    conditionalAccuracyPerLabel: perLabel('conditionalAccuracy of each label.'),
    diversityRatioPerLabel: perLabel('diversityRatio of each label.'),
    confusion: z
      .array(z.array(z.int()))
      .meta({ description: 'Rows are asked labels, columns what the classifier saw; counts.' }),
    reconstruction: z.strictObject({
      mse: ratio('Mean squared error of pixels in [0, 1], at z = μ.'),
      ssim: z.number().meta({ description: 'Structural similarity, 11×11 Gaussian of σ 1.5.' }),
      featureDistance: ratio('Mean distance of standardised features.'),
      labelKept: share('Share whose label the classifier still sees.'),
    }),
    styleTransfer: z.strictObject({
      accuracy: share('Share of transferred images that the classifier gives the target label.'),
      slantCorrelation: correlation(
        'Spearman correlation of slant between source and result; null in colour.',
      ),
      inkCorrelation: correlation(
        'Spearman correlation of ink mass, in colour of brightness, between source and result.',
      ),
      slantControl: correlation('The same with latents shuffled: what chance gives.'),
      inkControl: correlation('The same with latents shuffled: what chance gives.'),
    }),
    latent: z.strictObject({
      klPerDimension: z.array(z.number()).meta({ description: 'Mean KL divergence from N(0, 1), nats.' }),
      activeUnits: z
        .int()
        .meta({ description: 'Dimensions whose mean varies with the image (variance > 0.01).' }),
      probeAccuracy: share(
        'Share of labels a linear probe reads from the mean; chance is style without label.',
      ),
    }),
    memorisation: z.strictObject({
      ratio: ratio('Median nearest-neighbour distance to the training images, generated to test.'),
      flagged: z.boolean().meta({ description: 'Below 0.7: the model may repeat training images.' }),
    }),
    selfTests: z.record(z.string(), SampleScores).meta({
      description: 'Scores of known images, real and damaged: what the figures above should be read against.',
    }),
    notes: z
      .array(z.string())
      .optional()
      .meta({ description: 'How far the numbers can be trusted, where that is not far.' }),
    seconds: z.number().meta({ description: 'What the evaluation took.' }),
    evaluatedAt: Timestamp,
  })
  .meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof Evaluation>;

/** A known failure of such models, seen in a run's own numbers. */
export const Diagnosis = z
  .strictObject({
    code: z.enum([
      'discriminator_saturated',
      'discriminator_blind',
      'mode_collapse',
      'posterior_collapse',
      'style_ignored',
      'not_finite',
    ]),
    severity: z.enum(['warning', 'critical']).meta({
      description: 'A code is told once, and once more as critical when it got much worse.',
    }),
    iteration: z.int(),
    detail: z.string().meta({ description: "What was seen, with the run's own numbers." }),
    advice: z.string().meta({ description: 'What to change.' }),
  })
  .meta({ id: 'Diagnosis' });
export type Diagnosis = z.infer<typeof Diagnosis>;
