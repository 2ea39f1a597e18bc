import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { Model } from '../../../client/index.ts';
import { isAbort, messageOf } from '../../lib/client.ts';
import { useLatest, useLoad } from '../../lib/hooks.ts';
import { type Ink, isEmpty, NO_INK } from '../../lib/ink.ts';
import { positionMatters } from '../../lib/models.ts';
import { type Digit, encodeInk, meanImageOf, type Reading, transferInk } from '../../lib/style.ts';
import { areMany, areWords, Digits, nounOf } from '../../ui/digits.tsx';
import { Problem } from '../../ui/parts.tsx';
import { Examples } from './examples.tsx';
import { Pad } from './pad.tsx';

const DRAWING_MS = 90;

/** The drawing, shared by the pages of the playground. */
export const drawing = signal<Ink>(NO_INK);

interface Result {
  digits?: Digit[];
  reading?: Reading;
  problem?: string;
}

/** The label and the latent of a drawing, and every label in its style, updated while it is drawn. */
function useResult(model: Model, label: string | null): [Result, (ink: Ink) => void] {
  const [result, setResult] = useState<Result>({});
  const latest = useLatest(DRAWING_MS);
  const update = (ink: Ink): void =>
    latest(async (abort) => {
      if (isEmpty(ink)) return setResult({});
      try {
        const [digits, reading] = await Promise.all([
          transferInk(model, ink, label, abort),
          encodeInk(model, ink, label, abort),
        ]);
        setResult({ digits, reading });
      } catch (error) {
        if (isAbort(error)) throw error;
        setResult((before) => ({ ...before, problem: messageOf(error) }));
      }
    });
  return [result, update];
}

/** The probability of each label. */
function Scores({ reading, labels }: { reading: Reading | undefined; labels: readonly string[] }) {
  return (
    <ol class={`score-bars ${areWords(labels) ? 'words' : ''}`} aria-label="Probability of each label">
      {labels.map((label) => {
        const share =
          reading?.scores?.[label] ?? (reading && !reading.inferred && reading.label === label ? 1 : 0);
        return (
          <li key={label} class={reading?.label === label ? 'on' : ''}>
            <span class="score-track" aria-hidden="true">
              <span class="score-fill" style={{ '--share': `${100 * share}%` }} />
            </span>
            <span class="score-label">
              {label}
              <span class="sr-only">: {Math.round(100 * share)} %</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function readingText(reading: Reading | undefined): string {
  if (reading === undefined) return 'The model recognises the label while you draw.';
  if (!reading.inferred) return `Label ${reading.label}, as chosen.`;
  const probability = reading.scores?.[reading.label] ?? 0;
  return `Looks like ${reading.label} (${Math.round(100 * probability)} %).`;
}

interface LabelChoiceProps {
  labels: readonly string[];
  label: string | null;
  /** Whether the user chooses the label before drawing, or only corrects the model. */
  first: boolean;
  onChange(label: string | null): void;
}

function LabelChoice({ labels, label, first, onChange }: LabelChoiceProps) {
  return (
    <label class="inline">
      {first ? 'Label' : 'Wrong?'}{' '}
      <select
        value={label ?? ''}
        aria-label="Label of the drawing"
        onChange={(event) => onChange(event.currentTarget.value || null)}
      >
        <option value="">Detect the label</option>
        {labels.map((name) => (
          <option key={name} value={name}>
            {first ? name : `It is ${name}`}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Draw({ model }: { model: Model }) {
  const { labels } = model;
  const first = positionMatters(model);
  const [label, setLabel] = useState<string | null>(first ? labels[0]! : null);
  const [result, update] = useResult(model, label);
  const guide = useLoad(
    async (abort) => (first && label !== null ? await meanImageOf(model, label, abort) : undefined),
    [model.id, label],
  );
  const ink = drawing.value;
  useEffect(() => update(ink), [ink, label, model.id]);
  const { digits, reading, problem } = result;
  const choice = <LabelChoice labels={labels} label={label} first={first} onChange={setLabel} />;
  return (
    <div class="draw">
      <Pad
        ink={ink}
        label="Drawing area. With a keyboard, use an example instead."
        noun={nounOf(labels)}
        guide={guide.data}
        onChange={(next) => {
          drawing.value = next;
        }}
        onDraw={update}
      />
      <div class="draw-right">
        <div class="section-head">
          <h2>In your handwriting</h2>
          {first && choice}
        </div>
        {problem !== undefined && <Problem text={problem} />}
        <Digits
          title={`Every ${nounOf(labels)} in your handwriting`}
          digits={digits}
          labels={labels}
          marked={reading?.label}
        />
        <div class="reading">
          <p class="reading-text" role="status" data-testid="reading">
            {readingText(reading)}
          </p>
          {!first && choice}
        </div>
        {(!areMany(labels) || reading?.inferred) && <Scores reading={reading} labels={labels} />}
      </div>
      <Examples
        model={model}
        onPick={(next, shown) => {
          if (first) setLabel(shown);
          drawing.value = next;
        }}
      />
    </div>
  );
}
