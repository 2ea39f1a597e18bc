import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { amount, count } from '../../core/presentation/format.ts';
import { align, type Curve } from '../lib/curves.ts';
import { theme } from '../lib/theme.ts';

interface ChartProps {
  title: string;
  curves: Curve[];
  logarithmic: boolean;
  /** Weight of the exponential moving average; 0 is none. */
  smoothing: number;
}

const HEIGHT = 240;
const PALETTE = 6;

const colourOf = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Shows the newest values in the legend when the pointer is elsewhere. */
function showLast(plot: uPlot): void {
  if (plot.cursor.idx != null) return;
  const idxs = plot.data.map((values) =>
    (values as (number | null | undefined)[]).findLastIndex((value) => value != null),
  );
  plot.setLegend({ idxs: idxs as [number, ...number[]] }, false);
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

/** Curves over iterations; the legend shows the values under the pointer. Screen readers get the last values as text. */
export function Chart(props: ChartProps) {
  const { title, curves, logarithmic, smoothing } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const colours = theme.value;
  const shape = JSON.stringify([curves.map(({ label, colour }) => [label, colour]), logarithmic, colours]);
  useEffect(() => {
    const element = box.current!;
    const created = new uPlot(
      options(props, element.clientWidth),
      align(curves, smoothing, logarithmic),
      element,
    );
    plot.current = created;
    const observer = new ResizeObserver(() =>
      created.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
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
        {curves.map(({ label, points }) => `${label}: ${amount(points.at(-1)?.[1])} at the end.`).join(' ')}
      </p>
    </figure>
  );
}
