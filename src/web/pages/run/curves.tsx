import { useMemo, useState } from 'preact/hooks';
import { labelOf } from '../../../core/presentation/labels.ts';
import type { Curve } from '../../lib/curves.ts';
import type { RunView } from '../../lib/run-view.ts';
import { Chart } from '../../ui/chart.tsx';
import { Choice } from '../../ui/parts.tsx';

export interface CurveGroup {
  title: string;
  names: readonly string[];
}

/** Curves with a common scale, in the order shown. */
const GROUPS: readonly CurveGroup[] = [
  { title: 'Adversarial losses', names: ['discriminatorLoss', 'ganLoss'] },
  { title: 'Likeness and prior', names: ['likelihoodLoss', 'priorLoss'] },
  { title: 'Encoder and decoder', names: ['encoderLoss', 'decoderLoss'] },
  { title: 'Pixels', names: ['pixelLoss'] },
  { title: 'Distance to validation images', names: ['frechetJointDistance', 'frechetDistance'] },
  {
    title: 'Scores on validation images',
    names: ['conditionalAccuracy', 'coverage', 'diversityRatio', 'sharpnessRatio'],
  },
];

/** Groups of the given names. Each unknown name gets its own chart. */
export function groupsOf(names: readonly string[]): CurveGroup[] {
  const known = GROUPS.map(({ title, names: wanted }) => ({
    title,
    names: wanted.filter((name) => names.includes(name)),
  }));
  const others = names.filter((name) => !GROUPS.some((group) => group.names.includes(name)));
  return [
    ...known.filter((group) => group.names.length > 0),
    ...others.map((name) => ({ title: labelOf(name), names: [name] })),
  ];
}

interface Look {
  logarithmic: boolean;
  smoothing: number;
}

interface LookControlsProps {
  look: Look;
  onChange(look: Look): void;
}

/** Scale and smoothing of all charts. */
function LookControls({ look, onChange }: LookControlsProps) {
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
        Smoothing
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

interface ChartsPanelProps {
  charts: readonly { title: string; curves: Curve[] }[];
  /** Initial smoothing. */
  smoothing: number;
}

/** Charts with common controls. */
export function ChartsPanel({ charts, smoothing }: ChartsPanelProps) {
  const [look, setLook] = useState<Look>({ logarithmic: false, smoothing });
  return (
    <section class="panel" aria-labelledby="curves-title">
      <div class="section-head">
        <h2 id="curves-title">Losses and scores</h2>
        <LookControls look={look} onChange={setLook} />
      </div>
      <div class="charts">
        {charts.map(({ title, curves }) => (
          <Chart key={title} title={title} curves={curves} {...look} />
        ))}
      </div>
    </section>
  );
}

/** Points in order of iterations. */
export const sortedPoints = (points: ReadonlyMap<number, number | null>): Curve['points'] =>
  [...points].sort(([a], [b]) => a - b);

export function Curves({ view }: { view: RunView }) {
  const charts = useMemo(
    () =>
      groupsOf([...view.series.keys()]).map(({ title, names }) => ({
        title,
        curves: names.map(
          (name, i): Curve => ({
            label: labelOf(name),
            points: sortedPoints(view.series.get(name)!),
            colour: i,
          }),
        ),
      })),
    [view.series],
  );
  return charts.length === 0 ? null : <ChartsPanel charts={charts} smoothing={0.4} />;
}
