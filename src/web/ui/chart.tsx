import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { amount, count } from '../lib/format.ts';
import { theme } from '../lib/theme.ts';

export interface Curve {
  label: string;
  points: [iteration: number, value: number | null][];
  /** A place in the palette; curves of one run share it over charts. */
  colour: number;
}

interface ChartProps {
  title: string;
  curves: Curve[];
  logarithmic: boolean;
  /** 0 draws what is; towards 1 an exponential average that lags more. */
  smoothing: number;
}

const HEIGHT = 240;
const PALETTE = 6;

/** An exponential average, corrected for its start; gaps stay gaps. */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let mean = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    seen++;
    return mean / (1 - weight ** seen);
  });
}

/** Curves over the union of their iterations, as uPlot wants them. */
export function align(curves: readonly Curve[], smoothing: number, logarithmic: boolean): uPlot.AlignedData {
  const iterations = [...new Set(curves.flatMap(({ points }) => points.map(([i]) => i)))].sort(
    (a, b) => a - b,
  );
  const rows = curves.map(({ points }) => {
    const values = smooth(
      points.map(([, value]) => value),
      smoothing,
    );
    const at = new Map(points.map(([iteration], i) => [iteration, values[i]!]));
    // Undefined spans a gap that another curve's iterations make; null is a value that was not finite.
    return iterations.map((iteration) => {
      const value = at.get(iteration);
      return logarithmic && value != null && value <= 0 ? null : value;
    });
  });
  return [iterations, ...rows];
}

const colourOf = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** While nothing is pointed at, the legend tells the newest values. */
function showLast(plot: uPlot): void {
  if (plot.cursor.idx == null) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

function options(props: ChartProps, width: number): uPlot.Options {
  const muted = colourOf('--muted');
  const grid = { stroke: colourOf('--line'), width: 1 };
  const font = '11px Inter, sans-serif';
  const axis = { stroke: muted, grid, ticks: { show: false }, font, gap: 6 };
  return {
    width,
    height: HEIGHT,
    padding: [8, 20, 0, 0],
    cursor: { points: { size: 7 }, y: false },
    legend: {
      markers: { fill: (_, i) => colourOf(`--curve-${(props.curves[i - 1]?.colour ?? 0) % PALETTE}`) },
    },
    hooks: { setCursor: [showLast], setData: [showLast] },
    scales: { x: { time: false }, y: props.logarithmic ? { distr: 3 } : {} },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map((tick) => count(tick)) },
      {
        ...axis,
        size: 52,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : String(+tick.toPrecision(3)))),
      },
    ],
    series: [
      { label: 'Iteration', value: (_, value) => (value === null ? '–' : count(value)) },
      ...props.curves.map(({ label, colour }) => ({
        label,
        stroke: colourOf(`--curve-${colour % PALETTE}`),
        width: 1.75,
        points: { show: false },
        value: (_: uPlot, value: number | null) => amount(value),
      })),
    ],
  };
}

/** Curves over iterations with the values under the pointer in the legend. A table in words is below for screen readers. */
export function Chart(props: ChartProps) {
  const { title, curves, logarithmic, smoothing } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const colours = theme.value;
  const shape = JSON.stringify([curves.map(({ label, colour }) => [label, colour]), logarithmic, colours]);
  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(
      options(props, element.clientWidth),
      align(curves, smoothing, logarithmic),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(align(curves, smoothing, logarithmic));
  }, [curves, smoothing]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} aria-hidden="true" />
      <p class="sr-only">
        {curves.map(({ label, points }) => `${label}: ${amount(points.at(-1)?.[1])} at last.`).join(' ')}
      </p>
    </figure>
  );
}
