import type { Evaluation, SampleScores } from '../contracts/evaluation.ts';
import { amount, percent } from './format.ts';

/** `discriminatorLoss` → `Discriminator loss`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z0-9])/g, '$1 $2')
    .replace(/[-_]/g, ' ')
    .toLowerCase()
    .replace(/\bgan\b/g, 'GAN')
    .replace(/\bkid\b/g, 'KID')
    .replace(/\bkl\b/g, 'KL')
    .replace(/\bfrechet\b/g, 'Fréchet');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface ScoreLabel {
  key: keyof SampleScores;
  label: string;
  meaning: string;
  /** The direction of better values. */
  better: 'high' | 'low' | 'one';
  text(value: number): string;
}

/** The scores of generated images, in the order shown. */
export const SCORES: readonly ScoreLabel[] = [
  {
    key: 'conditionalAccuracy',
    label: 'Conditional accuracy',
    meaning: 'Share of generated images that the classifier gives the requested label.',
    better: 'high',
    text: percent,
  },
  {
    key: 'frechetDistance',
    label: 'Fréchet distance',
    meaning: 'Distance between the distributions of generated and real images; 0 means equal.',
    better: 'low',
    text: amount,
  },
  {
    key: 'kid',
    label: 'Kernel distance (KID)',
    meaning: 'Kernel distance between generated and real images; 0 means equal.',
    better: 'low',
    text: amount,
  },
  {
    key: 'precision',
    label: 'Precision',
    meaning: 'Share of generated images within the manifold of real ones.',
    better: 'high',
    text: percent,
  },
  {
    key: 'recall',
    label: 'Recall',
    meaning: 'Share of real images within the manifold of generated ones.',
    better: 'high',
    text: percent,
  },
  {
    key: 'density',
    label: 'Density',
    meaning: 'How densely real images surround the generated ones; real images score about 1.',
    better: 'one',
    text: amount,
  },
  {
    key: 'coverage',
    label: 'Coverage',
    meaning: 'Share of real images with a generated one nearby.',
    better: 'high',
    text: percent,
  },
  {
    key: 'diversityRatio',
    label: 'Diversity ratio',
    meaning: 'Variety within a label relative to real images; below 0.5 is a mode collapse.',
    better: 'one',
    text: amount,
  },
  {
    key: 'sharpnessRatio',
    label: 'Sharpness ratio',
    meaning: 'Sharpness relative to real images; blur lowers it, noise raises it.',
    better: 'one',
    text: amount,
  },
];

/** What `ScoreLabel.better` means. */
export const BETTER = { high: 'Higher is better.', low: 'Lower is better.', one: 'Best near 1.' } as const;

type Results = Pick<Evaluation, 'reconstruction' | 'styleTransfer' | 'latent' | 'memorisation'>;

/** Results of an evaluation that are not scores of generated images, as labels and texts. */
export function evaluationRows({
  reconstruction,
  styleTransfer,
  latent,
  memorisation,
}: Results): [label: string, text: string][] {
  const correlation = (value: number | null, control: number | null): string =>
    `${amount(value)} (control ${amount(control)})`;
  return [
    ['Reconstruction: mean squared error', amount(reconstruction.mse)],
    ['Reconstruction: structural similarity', amount(reconstruction.ssim)],
    ['Reconstruction: feature distance', amount(reconstruction.featureDistance)],
    ['Reconstruction: label kept', percent(reconstruction.labelKept)],
    ['Style transfer: target label reached', percent(styleTransfer.accuracy)],
    [
      'Style transfer: correlation of slant',
      correlation(styleTransfer.slantCorrelation, styleTransfer.slantControl),
    ],
    [
      'Style transfer: correlation of ink',
      correlation(styleTransfer.inkCorrelation, styleTransfer.inkControl),
    ],
    ['Latent: active dimensions', `${latent.activeUnits} of ${latent.klPerDimension.length}`],
    ['Latent: KL divergence per dimension (nats)', latent.klPerDimension.map(amount).join(', ')],
    ['Latent: accuracy of a linear label probe', percent(latent.probeAccuracy)],
    [
      'Memorisation: nearest-neighbour ratio',
      `${amount(memorisation.ratio)}${memorisation.flagged ? ': the model may repeat training images' : ''}`,
    ],
  ];
}

/** Titles of pictures by kind, for samples during training and for final figures. */
const PICTURES: Record<string, string> = {
  labels: 'Generated images',
  'style-transfer': 'Style transfer',
  reconstructions: 'Reconstructions',
  manifold: 'Manifold',
  scatter: 'Latent means',
  losses: 'Losses',
};

/** Kinds of pictures in the order shown. */
export const PICTURE_KINDS = Object.keys(PICTURES);
export const pictureTitle = (kind: string): string => PICTURES[kind] ?? labelOf(kind);

/** Captions of final figures by kind. */
export const FIGURE_CAPTIONS: Record<string, string> = {
  labels: 'One column per label. Each image has its own latent, drawn from N(0, I).',
  'style-transfer':
    'Each column is one style: the framed image is encoded and its latent decoded with every label.',
  reconstructions:
    'Test images above their reconstructions: encoded, sampled around the mean latent, decoded.',
  manifold: 'The first two latent dimensions at quantiles of the prior; the others are 0.',
  scatter:
    'Mean latents of test images in the first two dimensions. The circles are one and two standard deviations of the prior. If style is independent of the label, colours mix.',
  losses: 'Training losses (faint) and their running means.',
};

/** Captions of samples during training by kind. */
export const SAMPLE_CAPTIONS: Record<string, string> = {
  labels: 'Each row is one style with every label. The styles stay the same during the run.',
  reconstructions: 'Validation images above their reconstructions.',
  manifold: 'The first two latent dimensions for one label.',
  scatter: 'Mean latents of the images of one label in the first two dimensions.',
};
