import { useMemo, useState } from 'preact/hooks';
import type { Curve } from '../../lib/curves.ts';
import { sentence } from '../../lib/format.ts';
import type { RunView } from '../../lib/run-view.ts';
import { Chart } from '../../ui/chart.tsx';
import { Choice } from '../../ui/parts.tsx';

export interface CurveGroup {
  title: string;
  names: readonly string[];
}

/** What belongs on one scale, in the order of interest. */
const GROUPS: readonly CurveGroup[] = [
  { title: 'Adversary', names: ['discriminatorLoss', 'ganLoss'] },
  { title: 'Likeness and prior', names: ['likelihoodLoss', 'priorLoss'] },
  { title: 'Encoder and decoder', names: ['encoderLoss', 'decoderLoss'] },
  { title: 'Pixels', names: ['pixelLoss'] },
  { title: 'Distance from validation images', names: ['frechetJointDistance', 'frechetDistance'] },
  {
    title: 'Samples against validation images',
    names: ['conditionalAccuracy', 'coverage', 'diversityRatio', 'sharpnessRatio'],
  },
];

/** Groups of the names there are; one that is not known gets a chart of its own. */
export function groupsOf(names: readonly string[]): CurveGroup[] {
  const known = GROUPS.map(({ title, names: wanted }) => ({
    title,
    names: wanted.filter((name) => names.includes(name)),
  }));
  const others = names.filter((name) => !GROUPS.some((group) => group.names.includes(name)));
  return [
    ...known.filter((group) => group.names.length > 0),
    ...others.map((name) => ({ title: sentence(name), names: [name] })),
  ];
}

export interface Look {
  logarithmic: boolean;
  smoothing: number;
}

interface LookControlsProps {
  look: Look;
  onChange(look: Look): void;
}

/** Scale and smoothing, for all charts of a page. */
export function LookControls({ look, onChange }: LookControlsProps) {
  return (
    <div class="chart-controls">
      <Choice
        legend="Scale of the values"
        name="scale"
        options={[
          ['linear', 'Linear'],
          ['log', 'Log'],
        ]}
        value={look.logarithmic ? 'log' : 'linear'}
        onChange={(scale) => onChange({ ...look, logarithmic: scale === 'log' })}
      />
      <label class="inline-range">
        Smooth
        <input
          type="range"
          min={0}
          max={0.95}
          step={0.05}
          value={look.smoothing}
          onInput={(event) => onChange({ ...look, smoothing: Number(event.currentTarget.value) })}
        />
      </label>
    </div>
  );
}

export function Curves({ view }: { view: RunView }) {
  const [look, setLook] = useState<Look>({ logarithmic: false, smoothing: 0.4 });
  const groups = useMemo(
    () =>
      groupsOf([...view.series.keys()]).map(({ title, names }) => ({
        title,
        curves: names.map(
          (name, i): Curve => ({
            label: sentence(name),
            points: [...view.series.get(name)!].sort(([a], [b]) => a - b),
            colour: i,
          }),
        ),
      })),
    [view.series],
  );
  if (groups.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="curves-title">
      <div class="section-head">
        <h2 id="curves-title">Losses</h2>
        <LookControls look={look} onChange={setLook} />
      </div>
      <div class="charts">
        {groups.map(({ title, curves }) => (
          <Chart key={title} title={title} curves={curves} {...look} />
        ))}
      </div>
    </section>
  );
}
