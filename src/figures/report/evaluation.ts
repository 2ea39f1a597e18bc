import type { Evaluation } from '../../core/contracts/evaluation.ts';
import { count, duration, percent } from '../../core/presentation/format.ts';
import { BETTER, evaluationRows, labelOf, SCORES } from '../../core/presentation/labels.ts';
import type { ReportData } from './data.ts';
import { type Html, html, moment } from './html.ts';

export function evaluationSection({ run, dataset }: ReportData): Html {
  const { evaluation } = run;
  if (evaluation === undefined) {
    return html`<h2>Evaluation</h2><p class="note">This run has not been evaluated${run.state === 'succeeded' ? '' : html`: it is ${run.state}, and runs are evaluated after training`}. Losses alone do not measure the quality of its images.</p>`;
  }
  const { samples, split, classifier } = evaluation;
  const names =
    dataset?.labels.map(({ name }) => name) ?? evaluation.confusion.map((_, label) => String(label));
  return html`<h2>Evaluation</h2>
<p>${count(samples)} generated images against the ${split} images of ${classifier.dataset}, scored by a reference classifier with ${percent(classifier.testAccuracy)} test accuracy. Evaluated in ${duration(evaluation.seconds)} on ${moment(evaluation.evaluatedAt)}.</p>
${(evaluation.notes ?? []).map((note) => html`<p class="note">${note}</p>`)}
${scoresTable(evaluation)}
<h3>Reconstruction, style and latent space</h3>
<div class="scroll"><table><tbody>${evaluationRows(evaluation).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
<h3>By label</h3>
${labelTable(evaluation, names)}
<details><summary>Confusion matrix: rows are requested labels, columns are the classifier’s</summary>${confusionTable(evaluation, names)}</details>`;
}

/** The scores of the model beside those of images of known quality. */
function scoresTable(evaluation: Evaluation): Html {
  const tests = Object.entries(evaluation.selfTests);
  const rows = SCORES.map(
    ({ key, label, better, meaning, text }) =>
      html`<tr><th scope="row">${label} <span class="note">${meaning} ${BETTER[better]}</span></th><td class="number own">${text(evaluation[key])}</td>${tests.map(([, scores]) => html`<td class="number">${text(scores[key])}</td>`)}</tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">Score</th><th scope="col" class="number">This model</th>${tests.map(([name]) => html`<th scope="col" class="number">${labelOf(name)}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>
${tests.length === 0 ? '' : html`<p class="note">The other columns are self-tests: the same scores for real images and for images with known damage.</p>`}`;
}

function labelTable(
  { conditionalAccuracyPerLabel, diversityRatioPerLabel }: Evaluation,
  names: string[],
): Html {
  const row = (key: string, values: readonly (number | null | undefined)[]): Html => {
    const { label, text } = SCORES.find((score) => score.key === key)!;
    return html`<tr><th scope="row">${label}</th>${names.map((_, i) => html`<td class="number">${values[i] == null ? '–' : text(values[i])}</td>`)}</tr>`;
  };
  return html`<div class="scroll"><table><thead><tr><th scope="col">Label</th>${names.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead><tbody>
${row('conditionalAccuracy', conditionalAccuracyPerLabel)}
${row('diversityRatio', diversityRatioPerLabel)}</tbody></table></div>`;
}

function confusionTable({ confusion }: Evaluation, names: string[]): Html {
  const heat = (value: number, total: number): string => {
    const share = total === 0 ? 0 : value / total;
    return share === 0 ? 'h0' : share < 0.02 ? 'h1' : share < 0.1 ? 'h2' : share < 0.5 ? 'h3' : 'h4';
  };
  const rows = confusion.map((row, label) => {
    const total = row.reduce((sum, value) => sum + value, 0);
    return html`<tr><th scope="row">${names[label]}</th>${row.map((value) => html`<td class="${heat(value, total)}">${value === 0 ? '' : value}</td>`)}</tr>`;
  });
  return html`<div class="scroll"><table class="confusion"><thead><tr><th></th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
