import type { Evaluation, SampleScores } from '../../client/index.ts';
import { amount, count, percent } from '../lib/format.ts';

interface Measure {
  key: keyof SampleScores;
  label: string;
  meaning: string;
  /** Where a good model lies. */
  better: 'high' | 'low' | 'one';
  text(value: number): string;
}

const MEASURES: Measure[] = [
  {
    key: 'conditionalAccuracy',
    label: 'Right digit',
    meaning: 'A classifier that took no part in training sees the digit that was asked for.',
    better: 'high',
    text: percent,
  },
  {
    key: 'frechetDistance',
    label: 'Distance to real',
    meaning: 'How far drawn and real digits lie apart as a whole (Fréchet distance); 0 is the same.',
    better: 'low',
    text: amount,
  },
  {
    key: 'precision',
    label: 'Among real ones',
    meaning: 'Drawn digits that lie where real ones do (precision); safe averages do too.',
    better: 'high',
    text: percent,
  },
  {
    key: 'coverage',
    label: 'Variety',
    meaning: 'Real digits that have a drawn one nearby (coverage).',
    better: 'high',
    text: percent,
  },
  {
    key: 'diversityRatio',
    label: 'Spread within a label',
    meaning: 'As varied as real digits is 1; below 0.5 the model has collapsed.',
    better: 'one',
    text: amount,
  },
  {
    key: 'sharpnessRatio',
    label: 'Sharpness',
    meaning: 'As sharp as real digits is 1; blur lowers it and noise raises it.',
    better: 'one',
    text: amount,
  },
];

interface Mark {
  label: string;
  value: number;
}

/** A value on its scale, among the marks of images whose quality is known. */
function Scale({ measure, value, marks }: { measure: Measure; value: number; marks: Mark[] }) {
  const top =
    measure.better === 'high' ? 1 : Math.max(1e-9, value, ...marks.map((mark) => mark.value)) * 1.05;
  const place = (at: number): string => `${Math.min(100, Math.max(0, (100 * at) / top))}%`;
  return (
    <div class="measure">
      <div class="measure-head">
        <h3>{measure.label}</h3>
        <span class="measure-value">{measure.text(value)}</span>
      </div>
      <div class="scale" aria-hidden="true">
        <span class="scale-fill" style={{ width: place(value) }} />
        {marks.map((mark) => (
          <span
            key={mark.label}
            class={`mark ${mark.label === 'real' ? 'real' : ''}`}
            style={{ left: place(mark.value) }}
            title={mark.label}
          />
        ))}
      </div>
      <p class="meta">
        {measure.meaning}{' '}
        {marks.length > 0 && (
          <span>Marks: {marks.map((mark) => `${mark.label} ${measure.text(mark.value)}`).join(', ')}.</span>
        )}
      </p>
    </div>
  );
}

/** Self-tests that tell most, by what they are called here: real images, and the damage a model may do. */
const ANCHORS: Record<string, string> = {
  'validation against test': 'real',
  blurred: 'blurred',
  'noise 0.1': 'noisy',
  'class means': 'one shape a label',
};

/** The known images whose scores are shown beside the model's. */
export function anchorsOf(evaluation: Evaluation): [name: string, scores: SampleScores][] {
  return Object.entries(ANCHORS).flatMap(([test, name]) => {
    const scores = evaluation.selfTests[test];
    return scores === undefined ? [] : [[name, scores] as [string, SampleScores]];
  });
}

export function EvaluationPanel({ evaluation }: { evaluation: Evaluation }) {
  const anchors = anchorsOf(evaluation);
  const { styleTransfer, reconstruction, memorisation, latent } = evaluation;
  return (
    <section class="panel" aria-labelledby="evaluation-title">
      <div class="section-head">
        <h2 id="evaluation-title">Evaluation</h2>
        <p class="meta">
          {count(evaluation.samples)} drawn images against the {evaluation.split} images, by a classifier that
          is right about {percent(evaluation.classifier.testAccuracy)} of these
        </p>
      </div>
      {evaluation.notes && evaluation.notes.length > 0 && (
        <ul class="warnings">
          {evaluation.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <div class="measures">
        {MEASURES.map((measure) => (
          <Scale
            key={measure.key}
            measure={measure}
            value={evaluation[measure.key]}
            marks={anchors.map(([label, scores]) => ({ label, value: scores[measure.key] }))}
          />
        ))}
      </div>
      <dl class="facts grid">
        <div>
          <dt>Style transfer keeps the label</dt>
          <dd>{percent(styleTransfer.accuracy)}</dd>
        </div>
        <div>
          <dt>Slant carried over (correlation)</dt>
          <dd>{amount(styleTransfer.slantCorrelation)}</dd>
        </div>
        <div>
          <dt>Weight of the pen carried over</dt>
          <dd>{amount(styleTransfer.inkCorrelation)}</dd>
        </div>
        <div>
          <dt>Reconstruction keeps the label</dt>
          <dd>{percent(reconstruction.labelKept)}</dd>
        </div>
        <div>
          <dt>Latent dimensions in use</dt>
          <dd>
            {latent.activeUnits} of {latent.klPerDimension.length}
          </dd>
        </div>
        <div>
          <dt>Repeats training images</dt>
          <dd>{memorisation.flagged ? 'maybe' : 'no'}</dd>
        </div>
      </dl>
    </section>
  );
}

/** The same measures as rows, for putting evaluations side by side. */
export const MEASURE_ROWS = MEASURES.map(({ key, label, text }) => ({
  label,
  of: (evaluation: Evaluation | undefined) => (evaluation === undefined ? '–' : text(evaluation[key])),
}));
