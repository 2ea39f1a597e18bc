import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { isAbort, messageOf } from '../../lib/api.ts';
import type { Model } from '../../lib/contract.ts';
import { useLatest, useLoad } from '../../lib/hooks.ts';
import { type Ink, isEmpty, NO_INK } from '../../lib/ink.ts';
import { placeCounts } from '../../lib/models.ts';
import { type Digit, encodeInk, middleOf, type Reading, transferInk } from '../../lib/style.ts';
import { areMany, areWords, Digits, nounOf } from '../../ui/digits.tsx';
import { Problem } from '../../ui/parts.tsx';
import { Examples } from './examples.tsx';
import { Pad } from './pad.tsx';

const DRAWING_MS = 90;

/** The drawing is kept while one looks at other parts of the playground, which use it too. */
export const drawing = signal<Ink>(NO_INK);

interface Answer {
  digits?: Digit[];
  reading?: Reading;
  problem?: string;
}

/** Asks what a drawing is and how its hand writes every label, as it is drawn. */
function useHand(model: Model, label: string | null): [Answer, (ink: Ink) => void] {
  const [answer, setAnswer] = useState<Answer>({});
  const latest = useLatest(DRAWING_MS);
  const ask = (ink: Ink): void =>
    latest(async (abort) => {
      if (isEmpty(ink)) return setAnswer({});
      try {
        const [digits, reading] = await Promise.all([
          transferInk(model, ink, label, abort),
          encodeInk(model, ink, label, abort),
        ]);
        setAnswer({ digits, reading });
      } catch (error) {
        if (isAbort(error)) throw error;
        setAnswer((before) => ({ ...before, problem: messageOf(error) }));
      }
    });
  return [answer, ask];
}

/** How sure the model is of each label. */
function Scores({ reading, labels }: { reading: Reading | undefined; labels: readonly string[] }) {
  return (
    <ol class={`score-bars ${areWords(labels) ? 'words' : ''}`} aria-label="How sure the model is">
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
  if (reading === undefined) return 'The model says what it sees as you draw.';
  if (!reading.inferred) return `Taken as ${reading.label}, as you say.`;
  const sure = reading.scores?.[reading.label] ?? 0;
  return `Looks like ${reading.label} (${Math.round(100 * sure)} % sure).`;
}

interface LabelChoiceProps {
  labels: readonly string[];
  label: string | null;
  /** Whether the label is said before drawing, or only where the model has it wrong. */
  first: boolean;
  onChange(label: string | null): void;
}

function LabelChoice({ labels, label, first, onChange }: LabelChoiceProps) {
  return (
    <label class="inline">
      {first ? 'You draw' : 'Wrong?'}{' '}
      <select
        value={label ?? ''}
        aria-label={`The ${nounOf(labels)} that is drawn`}
        onChange={(event) => onChange(event.currentTarget.value || null)}
      >
        <option value="">Let it guess</option>
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
  const first = placeCounts(model);
  const [label, setLabel] = useState<string | null>(first ? labels[0]! : null);
  const [answer, ask] = useHand(model, label);
  const guide = useLoad(
    async (abort) => (first && label !== null ? await middleOf(model, label, abort) : undefined),
    [model.id, label],
  );
  const ink = drawing.value;
  useEffect(() => ask(ink), [ink, label, model.id]);
  const { digits, reading, problem } = answer;
  const choice = <LabelChoice labels={labels} label={label} first={first} onChange={setLabel} />;
  return (
    <div class="draw">
      <Pad
        ink={ink}
        label="Drawing area. With a keyboard, take an example instead."
        noun={nounOf(labels)}
        guide={guide.data}
        onChange={(next) => {
          drawing.value = next;
        }}
        onDraw={ask}
      />
      <div class="draw-right">
        <div class="section-head">
          <h2>In your hand</h2>
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
