import type { Evaluation, SampleScores } from '../../client/index.ts';
import { count, percent } from '../../core/presentation/format.ts';
import { evaluationRows, SCORES } from '../../core/presentation/labels.ts';
import { FactList } from './parts.tsx';

/** The scores that fit on a card. */
const SHOWN: readonly (keyof SampleScores)[] = [
  'conditionalAccuracy',
  'frechetDistance',
  'precision',
  'coverage',
  'diversityRatio',
  'sharpnessRatio',
];
const MEASURES = SCORES.filter(({ key }) => SHOWN.includes(key));
type Measure = (typeof MEASURES)[number];

interface Mark {
  label: string;
  value: number;
}

/** A value on its scale, with marks for images of known quality. */
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
            class={`mark ${mark.label === REAL ? 'real' : ''}`}
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

const REAL = 'real';
/** Self-tests shown as marks, with short names. */
const ANCHORS: Record<string, string> = {
  'validation against test': REAL,
  blurred: 'blurred',
  'noise 0.1': 'noisy',
  'class means': 'class means',
};

/** The marks' scores by name. */
function anchorsOf(evaluation: Evaluation): [name: string, scores: SampleScores][] {
  return Object.entries(ANCHORS).flatMap(([test, name]) => {
    const scores = evaluation.selfTests[test];
    return scores === undefined ? [] : [[name, scores] as [string, SampleScores]];
  });
}

export function EvaluationPanel({ evaluation }: { evaluation: Evaluation }) {
  const anchors = anchorsOf(evaluation);
  return (
    <section class="panel" aria-labelledby="evaluation-title">
      <div class="section-head">
        <h2 id="evaluation-title">Evaluation</h2>
        <p class="meta">
          {count(evaluation.samples)} generated images against the {evaluation.split} images, scored by a
          reference classifier with {percent(evaluation.classifier.testAccuracy)} test accuracy
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
      <FactList look="grid" rows={evaluationRows(evaluation)} />
    </section>
  );
}

/** The scores as table rows, to compare evaluations. */
export const MEASURE_ROWS = MEASURES.map(({ key, label, text }) => ({
  label,
  of: (evaluation: Evaluation | undefined) => (evaluation === undefined ? '–' : text(evaluation[key])),
}));
