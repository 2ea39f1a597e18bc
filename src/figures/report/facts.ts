import { amount, count, duration } from '../../core/presentation/format.ts';
import { labelOf, SCORES } from '../../core/presentation/labels.ts';
import { overridesOf } from './config.ts';
import type { ReportData } from './data.ts';
import { type Html, html, moment } from './html.ts';

/** Scores in the page's head. */
const HEAD_SCORES = ['conditionalAccuracy', 'frechetDistance', 'coverage', 'diversityRatio'];

const row = (name: string, value: string | Html): Html =>
  html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`;

const table = (rows: readonly Html[]): Html =>
  html`<div class="scroll"><table><tbody>${rows}</tbody></table></div>`;

export function headSection({ run }: ReportData): Html {
  const { evaluation, progress } = run;
  const facts: [string, string][] = [
    [duration(progress.secondsElapsed), 'of training'],
    [`${count(progress.iteration)} of ${count(progress.iterations)}`, 'iterations'],
  ];
  if (evaluation) {
    const scores = SCORES.filter(({ key }) => HEAD_SCORES.includes(key));
    facts.unshift(...scores.map(({ key, label, text }): [string, string] => [text(evaluation[key]), label]));
  }
  return html`<header><h1>${run.name}</h1>
<p class="lead">Preset ${run.preset} on ${run.dataset}, seed ${run.seed}, ${run.state}${run.finishedAt === null ? '' : ` on ${moment(run.finishedAt)}`}. ${run.tags.length === 0 ? '' : `Tags: ${run.tags.join(', ')}.`}</p>
${run.error ? html`<p class="critical">${run.error.message} <code>${run.error.code}</code></p>` : ''}
<ul class="facts">${facts.map(([value, name]) => html`<li><b>${value}</b><span>${name}</span></li>`)}</ul></header>`;
}

export function diagnosesSection({ run }: ReportData): Html {
  const found = run.diagnoses ?? [];
  if (found.length === 0) return html`<h2>Diagnoses</h2><p class="note">No known failure was detected.</p>`;
  return html`<h2>Diagnoses</h2>${found.map(
    ({ code, severity, iteration, detail, advice }) =>
      html`<p><strong class="${severity}">${labelOf(code)}</strong> <span class="note">at iteration ${count(iteration)}</span><br>${detail} ${advice}</p>`,
  )}`;
}

export function environmentSection({ run, drawing, dataset, weights }: ReportData): Html {
  const rows = [row('Run', html`<code>${run.id}</code>`)];
  if (run.modelId !== undefined) rows.push(row('Model', html`<code>${run.modelId}</code>`));
  if (weights) {
    const what = `Weights of iteration ${count(weights.iteration)}, SHA-256`;
    rows.push(row(what, html`<code>${weights.digest}</code>`));
  }
  if (dataset) rows.push(row(`Dataset ${dataset.id}, SHA-256`, html`<code>${dataset.digest}</code>`));
  if (run.evaluation) {
    rows.push(row('Reference classifier, SHA-256', html`<code>${run.evaluation.classifier.digest}</code>`));
  }
  if (drawing) {
    const { device, cpu, cores, memoryBytes, platform, software } = drawing.environment;
    rows.push(
      row('Device', device),
      row(
        'Processor',
        `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB of memory, ${platform}`,
      ),
      row(
        'Software',
        Object.entries(software)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ),
    );
  } else if (run.device !== null) rows.push(row('Device', run.device));
  return html`<h2>Environment and digests</h2>${table(rows)}`;
}

export function timingsSection({ run, drawing }: ReportData): Html {
  const { createdAt, startedAt, finishedAt, progress, evaluation } = run;
  const between = (from: string, to: string): string => duration((Date.parse(to) - Date.parse(from)) / 1000);
  const rows: Html[] = [];
  if (startedAt !== null) rows.push(row('Time in the queue', between(createdAt, startedAt)));
  rows.push(row('Training', duration(progress.secondsElapsed)));
  if (progress.iteration > 0) {
    const each = (1000 * progress.secondsElapsed) / progress.iteration;
    rows.push(row('Mean time per iteration', `${amount(each)} ms`));
  }
  if (evaluation) rows.push(row('Evaluation', duration(evaluation.seconds)));
  if (drawing) {
    rows.push(
      row(
        'Figures and films',
        `${duration(drawing.seconds)}, ${drawing.figures} figures, ${drawing.films} films`,
      ),
    );
  }
  if (startedAt !== null && finishedAt !== null) {
    rows.push(row('Total time from start to end', between(startedAt, finishedAt)));
  }
  return html`<h2>Timings</h2>${table(rows)}`;
}

export function reproduceSection({ run, presetConfig, weights }: ReportData): Html {
  const overrides = overridesOf(run.config, presetConfig);
  const body = {
    preset: run.preset,
    dataset: run.dataset,
    seed: run.seed,
    ...(run.from === undefined ? {} : { from: run.from }),
    ...(Object.keys(overrides).length === 0 ? {} : { config: overrides }),
  };
  const command = `curl -X POST http://localhost:8080/runs -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  const expected =
    run.modelId !== undefined && weights !== undefined
      ? html`<p>With the same kind of processor and the same versions, the weights are bit-identical: GET /models/{id} returns this digest.</p><pre>${weights.digest}</pre>`
      : html`<p class="note">The run published no model, so there is no digest to compare.</p>`;
  return html`<h2>Reproduce this run</h2><pre>${command}</pre>${expected}`;
}
