import { z } from 'zod';
import { Digest, Timestamp } from './common.ts';

/** Prior samples that an evaluation scores: `full` after 3,000 iterations or more, `short` after fewer. */
export const EVALUATION_SAMPLES = { full: 10_000, short: 2_000 };

/** The classifier that scored the images. Features and distances of different classifiers cannot be compared. */
const ReferenceClassifier = z.strictObject({
  dataset: z.string(),
  digest: Digest,
  testAccuracy: z.number().meta({
    description: 'Its accuracy on real test images, which limits every other accuracy.',
  }),
});

/** One value per label, in the order of the model's labels. */
const perLabel = (description: string) => z.array(z.number().nullable()).meta({ description });
const share = (description: string) => z.number().min(0).max(1).meta({ description });
const ratio = (description: string) => z.number().min(0).meta({ description });
const correlation = (description: string) => z.number().min(-1).max(1).nullable().meta({ description });

/** Scores of a set of images against the real test images. */
export const SampleScores = z
  .strictObject({
    conditionalAccuracy: share('Share of images that the classifier recognises as the requested label.'),
    frechetDistance: ratio('Fréchet distance of standardised features, divided by 64.'),
    kid: z.number().meta({
      description: 'Kernel distance with the kernel (x·y/64 + 1)³, unbiased, mean over 50 subsets.',
    }),
    precision: share('Share of images within the real manifold (k = 5).'),
    recall: share('Share of real images within the generated manifold (k = 5).'),
    density: ratio('Naeem et al. 2020, k = 5.'),
    coverage: share('Naeem et al. 2020, k = 5.'),
    diversityRatio: ratio(
      'Mean pairwise feature distance within a label, generated over real; below 0.5 is a collapse.',
    ),
    sharpnessRatio: ratio('Median variance of the Laplacian, generated over real; noise raises it.'),
  })
  .meta({ id: 'SampleScores' });
export type SampleScores = z.infer<typeof SampleScores>;

/** Scores of a checkpoint on validation images. They decide which checkpoint is published. */
export const Validation = z
  .strictObject({
    iteration: z.int(),
    secondsElapsed: z.number().meta({ description: 'Training time up to the checkpoint.' }),
    samples: z
      .int()
      .meta({ description: 'Prior samples scored, against at least as many validation images.' }),
    frechetJointDistance: ratio(
      'Fréchet distance of features joined with the requested label. Blur, little variety and wrong labels raise it. The checkpoint with the lowest is published.',
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

/** Scores by the protocol of docs/evaluation.md. All images are rounded to bytes first. */
export const Evaluation = z
  .strictObject({
    modelDigest: Digest.meta({ description: 'SHA-256 of the evaluated weights.' }),
    split: z.enum(['validation', 'test']),
    samples: z
      .int()
      .meta({ description: 'Prior samples scored: 2,000 after short runs, 10,000 after others.' }),
    classifier: ReferenceClassifier,
    ...SampleScores.shape,
    conditionalAccuracyPerLabel: perLabel('conditionalAccuracy per label.'),
    diversityRatioPerLabel: perLabel('diversityRatio per label.'),
    confusion: z.array(z.array(z.int())).meta({
      description: 'Counts; rows are requested labels, columns the labels that the classifier recognised.',
    }),
    reconstruction: z.strictObject({
      mse: ratio('Mean squared error of pixels in [0, 1], at z = μ.'),
      ssim: z.number().meta({ description: 'Structural similarity, 11×11 Gaussian of σ 1.5.' }),
      featureDistance: ratio('Mean distance of standardised features.'),
      labelKept: share('Share whose label the classifier still recognises.'),
    }),
    styleTransfer: z.strictObject({
      accuracy: share('Share of transferred images that the classifier recognises as the target label.'),
      slantCorrelation: correlation(
        'Spearman correlation of slant between source and result; null in colour.',
      ),
      inkCorrelation: correlation(
        'Spearman correlation of ink mass, in colour of brightness, between source and result.',
      ),
      slantControl: correlation('The same with shuffled latents: the level of chance.'),
      inkControl: correlation('The same with shuffled latents: the level of chance.'),
    }),
    latent: z.strictObject({
      klPerDimension: z.array(z.number()).meta({ description: 'Mean KL divergence from N(0, 1), nats.' }),
      activeUnits: z
        .int()
        .meta({ description: 'Dimensions whose mean varies between images (variance > 0.01).' }),
      probeAccuracy: share(
        'Accuracy of a linear probe that predicts the label from the mean; the level of chance is ideal.',
      ),
    }),
    memorisation: z.strictObject({
      ratio: ratio('Median nearest-neighbour distance to the training images, generated over test.'),
      flagged: z.boolean().meta({ description: 'Below 0.7: the model may repeat training images.' }),
    }),
    selfTests: z.record(z.string(), SampleScores).meta({
      description: 'Scores of known images, real and damaged, to compare the scores above with.',
    }),
    notes: z.array(z.string()).optional().meta({ description: 'Why the scores are rough, if they are.' }),
    seconds: z.number().meta({ description: 'Duration of the evaluation.' }),
    evaluatedAt: Timestamp,
  })
  .meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof Evaluation>;

/** A known failure of such models, recognised from a run's own numbers. */
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
      description: 'Each code is reported once, and a second time as critical if it gets much worse.',
    }),
    iteration: z.int(),
    detail: z.string().meta({ description: "What was observed, with the run's own numbers." }),
    advice: z.string().meta({ description: 'What to change.' }),
  })
  .meta({ id: 'Diagnosis' });
export type Diagnosis = z.infer<typeof Diagnosis>;
