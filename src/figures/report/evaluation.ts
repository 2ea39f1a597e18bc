import type { Evaluation, SampleScores } from '../../core/contracts/evaluation.ts';
import type { ReportData } from './data.ts';
import { duration, figureOf, grouped, moment, percent, words } from './format.ts';
import { type Html, html } from './html.ts';

/** Metrics of samples in the order shown, with what is good. */
const METRICS: [name: keyof SampleScores, how: 'share' | 'number', good: string][] = [
  ['conditionalAccuracy', 'share', 'high'],
  ['frechetDistance', 'number', 'low'],
  ['kid', 'number', 'low'],
  ['precision', 'share', 'high'],
  ['recall', 'share', 'high'],
  ['density', 'number', 'about 1'],
  ['coverage', 'share', 'high'],
  ['diversityRatio', 'number', 'about 1'],
  ['sharpnessRatio', 'number', 'about 1'],
];

const shown = (value: number, how: 'share' | 'number'): string =>
  how === 'share' ? percent(value) : figureOf(value);

export function evaluationSection({ run, dataset }: ReportData): Html {
  const { evaluation } = run;
  if (evaluation === undefined) {
    return html`<h2>Evaluation</h2><p class="note">This run has not been evaluated${run.state === 'succeeded' ? '' : html`: it is ${run.state}, and runs are evaluated when training is over`}. Losses alone do not say whether its images are any good.</p>`;
  }
  const { samples, split, classifier } = evaluation;
  const names =
    dataset?.labels.map(({ name }) => name) ?? evaluation.confusion.map((_, label) => String(label));
  return html`<h2>Evaluation</h2>
<p>${grouped(samples)} images drawn from the prior, scored against the ${split} images of ${classifier.dataset} by a classifier that took no part in the training and is right for ${percent(classifier.testAccuracy)} of real test images. It took ${duration(evaluation.seconds)}, ${moment(evaluation.evaluatedAt)}.</p>
${(evaluation.notes ?? []).map((note) => html`<p class="note">${note}</p>`)}
${scoresTable(evaluation)}
${otherScores(evaluation)}
<h3>By label</h3>
${labelTable(evaluation, names)}
<details><summary>Confusion: rows are the asked labels, columns what the classifier saw</summary>${confusionTable(evaluation, names)}</details>`;
}

/** The model beside images whose quality is known. */
function scoresTable(evaluation: Evaluation): Html {
  const tests = Object.entries(evaluation.selfTests);
  const rows = METRICS.map(
    ([name, how, good]) =>
      html`<tr><th scope="row">${words(name)} <span class="note">(${good})</span></th><td class="number own">${shown(evaluation[name], how)}</td>${tests.map(([, scores]) => html`<td class="number">${shown(scores[name], how)}</td>`)}</tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">metric</th><th scope="col" class="number">this model</th>${tests.map(([name]) => html`<th scope="col" class="number">${words(name)}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>
${tests.length === 0 ? '' : html`<p class="note">The columns after the first are self-tests: what the same metrics say of real images and of images damaged in known ways.</p>`}`;
}

function otherScores({ reconstruction, styleTransfer, latent, memorisation }: Evaluation): Html {
  const correlation = (value: number | null, control: number | null): string =>
    `${value === null ? '—' : figureOf(value, 2)} (by chance ${control === null ? '—' : figureOf(control, 2)})`;
  const rows: [string, string][] = [
    ['Reconstruction: mean squared error', figureOf(reconstruction.mse)],
    ['Reconstruction: structural similarity', figureOf(reconstruction.ssim)],
    ['Reconstruction: feature distance', figureOf(reconstruction.featureDistance)],
    ['Reconstruction: label kept', percent(reconstruction.labelKept)],
    ['Style transfer: target label reached', percent(styleTransfer.accuracy)],
    [
      'Style transfer: slant correlates',
      correlation(styleTransfer.slantCorrelation, styleTransfer.slantControl),
    ],
    ['Style transfer: ink correlates', correlation(styleTransfer.inkCorrelation, styleTransfer.inkControl)],
    ['Latent: active dimensions', `${latent.activeUnits} of ${latent.klPerDimension.length}`],
    [
      'Latent: KL divergence by dimension, nats',
      latent.klPerDimension.map((kl) => figureOf(kl, 2)).join(', '),
    ],
    ['Latent: labels a linear probe still reads', percent(latent.probeAccuracy)],
    [
      'Memorisation: nearest-neighbour ratio',
      `${figureOf(memorisation.ratio)}${memorisation.flagged ? ' — the model may repeat training images' : ''}`,
    ],
  ];
  return html`<h3>Reconstruction, style, latent space</h3><div class="scroll"><table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>`;
}

function labelTable(
  { conditionalAccuracyPerLabel, diversityRatioPerLabel }: Evaluation,
  names: string[],
): Html {
  const cell = (value: number | null | undefined, how: 'share' | 'number'): Html =>
    html`<td class="number">${value === null || value === undefined ? '—' : shown(value, how)}</td>`;
  return html`<div class="scroll"><table><thead><tr><th scope="col">label</th>${names.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead><tbody>
<tr><th scope="row">Conditional accuracy</th>${names.map((_, label) => cell(conditionalAccuracyPerLabel[label], 'share'))}</tr>
<tr><th scope="row">Diversity ratio</th>${names.map((_, label) => cell(diversityRatioPerLabel[label], 'number'))}</tr></tbody></table></div>`;
}

function confusionTable({ confusion }: Evaluation, names: string[]): Html {
  const heat = (count: number, total: number): string => {
    const share = total === 0 ? 0 : count / total;
    return share === 0 ? 'h0' : share < 0.02 ? 'h1' : share < 0.1 ? 'h2' : share < 0.5 ? 'h3' : 'h4';
  };
  const rows = confusion.map((row, label) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return html`<tr><th scope="row">${names[label]}</th>${row.map((count) => html`<td class="${heat(count, total)}">${count === 0 ? '' : count}</td>`)}</tr>`;
  });
  return html`<div class="scroll"><table class="confusion"><thead><tr><th></th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
