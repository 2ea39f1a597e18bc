import { writeFileSync } from 'node:fs';
import { readResults, type TrialResult } from './lib/results.ts';
import { first, meanAndSpread, table } from './lib/tables.ts';

/**
 * Writes docs/results.md from the stored results of campaigns: node --import tsx scripts/write-results.ts
 * Every figure in it comes from a file under experiments/results/.
 */
const presets = readResults('presets');
const timed = readResults('timed');
/** One preset over many seeds. */
const robustness = presets.filter(({ name }) => name === 'quick');
/** The same seeds with and without each change. */
const likelihood = [
  ...robustness
    .filter(({ seed }) => seed <= 3)
    .map((result) => ({ ...result, name: 'quick (γ 1, squared distance)' })),
  ...readResults('likelihood'),
];
const candidates = readResults('candidates');

type Column = [title: string, value: (result: TrialResult) => number | undefined, digits: number];
const evaluated =
  (read: (evaluation: NonNullable<TrialResult['evaluation']>) => number | null) =>
  (result: TrialResult): number | undefined =>
    (result.evaluation && read(result.evaluation)) ?? undefined;
const percent = (read: (evaluation: NonNullable<TrialResult['evaluation']>) => number | null) =>
  evaluated((evaluation) => {
    const share = read(evaluation);
    return share === null ? null : 100 * share;
  });

const SAMPLES: Column[] = [
  ['accuracy %', percent((e) => e.conditionalAccuracy), 1],
  ['Fréchet', evaluated((e) => e.frechetDistance), 4],
  ['precision', evaluated((e) => e.precision), 2],
  ['recall', evaluated((e) => e.recall), 2],
  ['coverage', evaluated((e) => e.coverage), 2],
  ['diversity', evaluated((e) => e.diversityRatio), 2],
  ['sharpness', evaluated((e) => e.sharpnessRatio), 2],
];
const ENCODED: Column[] = [
  ['rec. MSE', evaluated((e) => e.reconstruction.mse), 4],
  ['label kept %', percent((e) => e.reconstruction.labelKept), 1],
  ['transfer %', percent((e) => e.styleTransfer.accuracy), 1],
  ['slant', evaluated((e) => e.styleTransfer.slantCorrelation), 2],
  ['ink', evaluated((e) => e.styleTransfer.inkCorrelation), 2],
  ['active units', evaluated((e) => e.latent.activeUnits), 1],
  ['probe %', percent((e) => e.latent.probeAccuracy), 0],
];

/** Results of one name together, in the order in which names first come. */
function groupsOf(results: TrialResult[]): TrialResult[][] {
  const names = [...new Set(results.map(({ name }) => name))];
  return names.map((name) => results.filter((result) => result.name === name));
}

const row = (group: TrialResult[], columns: Column[]): string[] =>
  columns.map(([, value, digits]) => meanAndSpread(group.map(value), digits));

function scores(groups: TrialResult[][], columns: Column[]): string {
  const head = ['run', 'seeds', ...columns.map(([title]) => title)];
  return table(
    head,
    groups.map((group) => [group[0]!.name, String(group.length), ...row(group, columns)]),
  );
}

const GOOD = { conditionalAccuracy: 0.97, diversityRatio: 0.9, coverage: 0.6 };
/** The plain CVAE's Fréchet distance by the same measure, on validation images. */
const plainDistance = (dataset: string, latentDim: number): number | undefined =>
  presets
    .find(
      ({ config, ...one }) =>
        one.preset === 'cvae' && one.dataset === dataset && config.latentDim === latentDim,
    )
    ?.validations.at(-1)?.frechetDistance;

/** The first checkpoint at which all marks hold together, and whether they held at every later one. */
function timeToQuality(result: TrialResult): { iteration: number; kept: boolean } | undefined {
  const plain = plainDistance(result.dataset, result.config.latentDim);
  const isGood = (one: TrialResult['validations'][number]): boolean =>
    plain !== undefined &&
    one.conditionalAccuracy >= GOOD.conditionalAccuracy &&
    one.diversityRatio >= GOOD.diversityRatio &&
    one.coverage >= GOOD.coverage &&
    one.frechetDistance <= 0.5 * plain;
  const at = result.validations.findIndex(isGood);
  if (at < 0) return undefined;
  const later = result.validations.slice(at);
  return { iteration: later[0]!.iteration, kept: later.every(isGood) };
}

/** Seconds an iteration of a preset takes on two cores that do nothing else. */
const pace = (preset: string): number | undefined => {
  const run = timed.find((result) => result.preset === preset && result.dataset === 'mnist');
  return run && run.trainingSeconds / run.config.iterations;
};

function timesToQuality(): string {
  const rows = presets
    .filter(({ dataset }) => dataset === 'mnist')
    .map((result) => {
      const found = timeToQuality(result);
      const seconds = pace(result.preset);
      const whole = seconds === undefined ? '–' : (seconds * result.config.iterations).toFixed(0);
      const until = found && seconds !== undefined ? (seconds * found.iteration).toFixed(0) : '–';
      const said = found ? `${found.iteration}${found.kept ? '' : ' (not at every later one)'}` : 'never';
      return [result.name, String(result.seed), said, until, whole];
    });
  return table(
    ['run', 'seed', 'first checkpoint at which all hold', 'training seconds to it', 'whole run, seconds'],
    rows,
  );
}

function robustnessTable(): string {
  const rows = robustness.map((result) => {
    const worst = Math.min(
      ...(result.evaluation?.conditionalAccuracyPerLabel.map((share) => share ?? 1) ?? [0]),
    );
    const said = result.diagnoses.map(({ code, severity }) => `${code} (${severity})`).join(', ') || 'none';
    const [accuracy, , , recall, coverage, diversity, sharpness] = row([result], SAMPLES);
    return [
      String(result.seed),
      result.state,
      accuracy!,
      (100 * worst).toFixed(1),
      recall!,
      coverage!,
      diversity!,
      sharpness!,
      said,
    ];
  });
  return table(
    [
      'seed',
      'ended',
      'accuracy %',
      'worst label %',
      'recall',
      'coverage',
      'diversity',
      'sharpness',
      'diagnoses',
    ],
    rows,
  );
}

const about = (group: TrialResult[]): string[] => [
  group[0]!.name,
  group[0]!.dataset,
  String(group[0]!.config.latentDim),
  String(group.length),
  String(group[0]!.config.iterations),
  String(group[0]!.decoderUpdates),
  pace(group[0]!.preset) === undefined
    ? '–'
    : (pace(group[0]!.preset)! * group[0]!.config.iterations).toFixed(0),
  String(group[0]!.evaluation?.samples ?? '–'),
];

const collapses = robustness.filter(
  ({ state, diagnoses }) => state !== 'succeeded' || diagnoses.some(({ code }) => code === 'mode_collapse'),
);

const page = (): string => `# Results

Generated by \`scripts/write-results.ts\` from the stored evaluations of finished runs in
[experiments/results](../experiments/results); the trials are in [experiments/campaigns](../experiments/campaigns), and
\`npm run campaign -- presets\` runs them again. How each figure is measured is in [evaluation.md](evaluation.md), what was tried on the way
in [experiments.md](experiments.md). A figure with ± is the mean over seeds and their standard deviation. Test images are used once, at the end of a run.

## Presets

${table(['run', 'dataset', 'latent', 'seeds', 'iterations', 'decoder updates', 'training s', 'samples scored'], groupsOf(presets).map(about))}

Training seconds are of MNIST and latent 8 on two cores of a server processor (AVX-512) with nothing beside; – where that was not measured.

Samples of the prior:

${scores(groupsOf(presets), SAMPLES)}

Reconstructions, style transfer and the latent:

${scores(groupsOf(presets), ENCODED)}

${pictures()}
## Time to quality

Until conditional accuracy ≥ 97 %, diversity ≥ 0.9, coverage ≥ 0.6 and a Fréchet distance of at most half the plain CVAE's hold together at a
checkpoint, by 1,000 samples against validation images.

${timesToQuality()}

## Seeds

\`quick\` from several seeds; latent 8, MNIST. ${robustness.length - collapses.length} of ${robustness.length} runs ended without a collapse.

${robustnessTable()}

## What the likelihood is worth

γ weighs L_llike against the GAN loss in the decoder; squared distance against cross-entropy of activations. ${first(likelihood)?.config.iterations ?? '–'} iterations, MNIST, latent 8.

${scores(groupsOf(likelihood), [...SAMPLES, ...ENCODED])}

## Candidates

Each is one change, at about equal time; the reasons and verdicts are in [experiments.md](experiments.md).

${scores(groupsOf(candidates), [...SAMPLES, ...ENCODED])}
`;

/** The article's figures of both models, side by side; copied from the figures of those runs. */
function pictures(): string {
  const rows = (['labels', 'reconstructions', 'style-transfer-7', 'manifold-4', 'scatter'] as const).map(
    (figure) => [
      figure,
      ...['cvae', 'modern'].map((model) => `![${figure} of ${model}](results/${model}-${figure}.png)`),
    ],
  );
  return `The article's figures, the plain CVAE beside the VAE+GAN, from the runs of seed 1 above:\n\n${table(
    ['figure', '`cvae`', '`modern`'],
    rows,
  )}\n`;
}

writeFileSync(new URL('../docs/results.md', import.meta.url), page());
