import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { Diagnosis, Evaluation } from '../../core/contracts/evaluation.ts';

/*
 * Recognises known failures of such models. The functions are pure functions of a run's own numbers. Each diagnosis says
 * what was observed and what to change.
 */

/** L_GAN of one metrics event; null while the discriminator is not used, or where the loss is not finite. */
export interface LiveLoss {
  iteration: number;
  ganLoss: number | null;
}

/** Measured on a few images at a checkpoint. Null where the dataset has no reference classifier. */
export interface LiveMeasure {
  iteration: number;
  /** Diversity within a label, generated over real. */
  diversityRatio: number | null;
  /** Per label, the share of images that the classifier recognises, relative to its accuracy on real images. */
  accuracyPerLabel: number[] | null;
  /** Mean pixel distance within a label, generated over real; null where no label has two real images. */
  spreadRatio: number | null;
  activeUnits: number;
}

/** The newest numbers of a run, oldest first. */
export interface LiveWindow {
  losses: LiveLoss[];
  measures: LiveMeasure[];
}

/** The window of a diagnosis: 200 iterations of losses with the presets' settings, and three checkpoints. */
export const LOSSES_KEPT = 20;
export const MEASURES_KEPT = 3;

interface Limits {
  warning: number;
  critical: number;
}
const SATURATED: Limits = { warning: 0.1, critical: 0.02 };
const BLIND: Limits = { warning: 0.98, critical: 0.998 };
const COLLAPSED: Limits = { warning: 0.3, critical: 0.15 };
const STYLELESS: Limits = { warning: 0.15, critical: 0.05 };
const CORRELATED: Limits = { warning: 0.2, critical: 0.1 };
const LABEL_LOST: Limits = { warning: 0.5, critical: 0.2 };

const below = (value: number, { warning, critical }: Limits): Diagnosis['severity'] | undefined =>
  value < critical ? 'critical' : value < warning ? 'warning' : undefined;
const above = (value: number, { warning, critical }: Limits): Diagnosis['severity'] | undefined =>
  value > critical ? 'critical' : value > warning ? 'warning' : undefined;

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/**
 * L_GAN of a discriminator that knows only the share of fakes: the entropy of that guess in nats per image, times batch
 * over pixels, as the loss is scaled. It is 0.057 for one fake per real image at the article's sizes.
 */
export function chanceLevel(
  { batchSize, priorFakeWeight, reconstructionFakeWeight }: TrainingConfig,
  pixels: number,
): number {
  const real = 1 / (1 + priorFakeWeight + reconstructionFakeWeight);
  const entropy = -(real * Math.log(real) + (1 - real) * Math.log(1 - real));
  return (entropy * batchSize) / pixels;
}

/** The facts of a run that a diagnosis needs. */
export interface DiagnosedRun {
  config: TrainingConfig;
  /** Per image, height × width. */
  pixels: number;
  labels: string[];
}

/** Diagnoses from the newest numbers of a run. Empty while there are too few of them. */
export function diagnoseLive(window: LiveWindow, run: DiagnosedRun): Diagnosis[] {
  return [...diagnoseDiscriminator(window.losses, run), ...diagnoseImages(window.measures, run)];
}

function diagnoseDiscriminator(losses: LiveLoss[], { config, pixels }: DiagnosedRun): Diagnosis[] {
  const known = losses.flatMap(({ ganLoss }) => (ganLoss === null ? [] : [ganLoss]));
  if (known.length < LOSSES_KEPT) return [];
  const { iteration } = losses.at(-1)!;
  const chance = chanceLevel(config, pixels);
  const share = mean(known) / chance;
  const observed = `L_GAN averaged ${mean(known).toPrecision(3)} over iterations ${losses[0]!.iteration} to ${iteration}, ${percent(share)} of the ${chance.toPrecision(3)} that guessing gives.`;
  const saturated = below(share, SATURATED);
  if (saturated) {
    return [
      {
        code: 'discriminator_saturated',
        severity: saturated,
        iteration,
        detail: `${observed} The discriminator separates real from generated images almost without error, so the decoder learns little from it.`,
        advice: 'Lower learningRates.discriminator, or raise innerSteps.generator.',
      },
    ];
  }
  const blind = above(share, BLIND);
  if (!blind) return [];
  return [
    {
      code: 'discriminator_blind',
      severity: blind,
      iteration,
      detail: `${observed} The discriminator cannot tell real from generated, so images will stay as blurred as those of a plain CVAE.`,
      advice: 'Raise learningRates.discriminator, widen networks.discriminator, or lower ganWeight.',
    },
  ];
}

function diagnoseImages(measures: LiveMeasure[], run: DiagnosedRun): Diagnosis[] {
  if (measures.length < MEASURES_KEPT) return [];
  const newest = measures.at(-1)!;
  const { iteration } = newest;
  const found: Diagnosis[] = [];
  const since = `At the last ${measures.length} checkpoints`;
  const active = Math.max(...measures.map(({ activeUnits }) => activeUnits));
  if (active === 0) found.push(posteriorCollapse(iteration, `${since} no latent dimension's mean`));

  const spread = mean(measures.map(({ spreadRatio }) => spreadRatio ?? 1));
  const styleless = below(spread, STYLELESS);
  if (styleless && active > 0) {
    const detail = `${since} images of one label differed between latents by ${percent(spread)} of what real ones differ: the decoder ignores the style.`;
    found.push({ code: 'style_ignored', severity: styleless, iteration, detail, advice: STYLE_ADVICE });
  }
  const diversities = measures.flatMap(({ diversityRatio }) => diversityRatio ?? []);
  if (diversities.length === measures.length) {
    const collapse = collapseOf(mean(diversities), worstLabel(measures, run));
    if (collapse) found.push({ ...collapse, iteration, detail: `${since} ${collapse.detail}` });
  }
  return found;
}

const STYLE_ADVICE =
  'Raise gamma or pixelWeight, or lower ganWeight or dropout, so that using the latent lowers the loss.';

function posteriorCollapse(iteration: number, what: string): Diagnosis {
  return {
    code: 'posterior_collapse',
    severity: 'critical',
    iteration,
    detail: `${what} varied with the image (active units 0): the latent carries no information.`,
    advice: 'Lower priorWeight, or raise pixelWeight.',
  };
}

/** The label that is recognised least, and the share of its images that are recognised. */
interface WorstLabel {
  name: string;
  share: number;
}

/** Only a GAN loses a label. In the first half of a run every label may still be rough. */
function worstLabel(measures: LiveMeasure[], { config, labels }: DiagnosedRun): WorstLabel | undefined {
  if (config.objective === 'cvae' || measures.at(-1)!.iteration < config.iterations / 2) return undefined;
  const shares = labels.map((_, label) => mean(measures.map((measure) => measure.accuracyPerLabel![label]!)));
  return worstOf(shares, labels);
}

function worstOf(shares: (number | null)[], labels: string[]): WorstLabel | undefined {
  const known = shares.flatMap((share, label) => (share === null ? [] : [{ share, name: labels[label]! }]));
  return known.sort((a, b) => a.share - b.share)[0];
}

function collapseOf(
  diversity: number,
  worst: WorstLabel | undefined,
): Pick<Diagnosis, 'code' | 'severity' | 'detail' | 'advice'> | undefined {
  const few = below(diversity, COLLAPSED);
  const lost = worst && below(worst.share, LABEL_LOST);
  if (!few && !lost) return undefined;
  const detail = few
    ? `images of one label were ${diversity.toFixed(2)} times as diverse as real ones: the decoder draws few different images per label.`
    : `${percent(worst!.share)} of the images requested as "${worst!.name}" were recognised as such.`;
  return {
    code: 'mode_collapse',
    severity: few === 'critical' || lost === 'critical' ? 'critical' : 'warning',
    detail,
    advice: few
      ? 'Lower ganWeight or learningRates.discriminator, raise gamma or pixelWeight, or stop at an earlier checkpoint.'
      : 'Train longer, or raise gamma or pixelWeight.',
  };
}

const shown = (correlation: number | null): string => correlation?.toFixed(2) ?? 'not measured';

/** Diagnoses from a finished run's evaluation. */
export function diagnoseEvaluation(
  evaluation: Evaluation,
  { labels, iteration, config }: DiagnosedRun & { iteration: number },
): Diagnosis[] {
  const { diversityRatio, conditionalAccuracyPerLabel, latent, styleTransfer, classifier } = evaluation;
  const found: Diagnosis[] = [];
  const ofCeiling = conditionalAccuracyPerLabel.map(
    (share) => share && Math.min(1, share / classifier.testAccuracy),
  );
  const worst = config.objective === 'cvae' ? undefined : worstOf(ofCeiling, labels);
  const collapse = collapseOf(diversityRatio, worst);
  if (collapse)
    found.push({ ...collapse, iteration, detail: `Over ${evaluation.samples} samples ${collapse.detail}` });
  if (latent.activeUnits === 0) {
    found.push(posteriorCollapse(iteration, "In the evaluation no latent dimension's mean"));
    return found;
  }
  const { slantCorrelation: slant, inkCorrelation: ink } = styleTransfer;
  const known = [slant, ink].filter((value) => value !== null);
  // Without a measured correlation there is no evidence that the style is ignored.
  const ignored = known.length === 0 ? undefined : below(Math.max(...known), CORRELATED);
  if (ignored) {
    const detail = `Transferred images keep neither the slant (correlation ${shown(slant)}) nor the ink (${shown(ink)}) of their sources.`;
    found.push({ code: 'style_ignored', severity: ignored, iteration, detail, advice: STYLE_ADVICE });
  }
  return found;
}
