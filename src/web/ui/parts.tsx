import type { ComponentChildren } from 'preact';
import type { RunProgress, RunState } from '../../client/index.ts';
import { count, duration } from '../../core/presentation/format.ts';
import { labelOf } from '../../core/presentation/labels.ts';

const TONES: Record<RunState, string> = {
  queued: 'quiet',
  running: 'lively',
  pausing: 'quiet',
  paused: 'quiet',
  cancelling: 'quiet',
  cancelled: 'quiet',
  succeeded: 'good',
  failed: 'bad',
};

export const StateBadge = ({ state }: { state: RunState }) => (
  <span class={`badge ${TONES[state]}`} data-state={state}>
    {labelOf(state)}
  </span>
);

export const isOver = (state: RunState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

/** The progress of a run with the remaining time. */
export function Progress({ progress, state }: { progress: RunProgress; state: RunState }) {
  const { iteration, iterations, phase, secondsRemaining, secondsElapsed } = progress;
  const share = iterations === 0 ? 0 : iteration / iterations;
  const isMoving = state === 'running';
  const left =
    isMoving && secondsRemaining !== null && secondsRemaining >= 1
      ? `${duration(secondsRemaining)} left`
      : null;
  const parts = [
    isMoving && phase !== 'training' ? `${labelOf(phase)}…` : null,
    `${count(iteration)} of ${count(iterations)} iterations`,
    left ?? (secondsElapsed >= 1 ? `${duration(secondsElapsed)} of training` : null),
  ];
  return (
    <div class="progress">
      {!isOver(state) && <progress class="bar" max={1} value={share} aria-label="Progress of the run" />}
      <p class="meta">{parts.filter(Boolean).join(' · ')}</p>
    </div>
  );
}

export function Problem({ text, children }: { text: string; children?: ComponentChildren }) {
  return (
    <div class="notice bad" role="alert">
      <p>{text}</p>
      {children}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty-state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export const Loading = () => (
  <p class="loading" role="status">
    Loading…
  </p>
);

interface FactListProps {
  rows: readonly (readonly [name: string, value: ComponentChildren])[];
  /** `small` for dense lists, `grid` for several columns. */
  look?: 'small' | 'grid';
}

/** Names and values; rows without a value are left out. */
export const FactList = ({ rows, look }: FactListProps) => (
  <dl class={look === undefined ? 'facts' : `facts ${look}`}>
    {rows
      .filter(([, value]) => value !== null)
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  id: string;
  children: ComponentChildren;
}

/** A labelled control with a hint and an error, which have the ids `{id}-hint` and `{id}-error`. */
export function Field({ label, hint, error, id, children }: FieldProps) {
  return (
    <div class={`field ${error ? 'wrong' : ''}`}>
      <label for={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  name: string;
  options: readonly (readonly [value: T, text: string])[];
  value: T;
  onChange(value: T): void;
}

/** One of a few values, as a row of radio buttons. */
export function Choice<T extends string>({ legend, name, options, value, onChange }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend class="sr-only">{legend}</legend>
      {options.map(([option, text]) => (
        <label key={option} class={option === value ? 'on' : ''}>
          <input
            type="radio"
            name={name}
            value={option}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}
