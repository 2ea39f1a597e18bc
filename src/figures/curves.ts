import { COLOURS, type Figure } from './canvas.ts';
import { numberText, textPath } from './text.ts';

type Point = readonly [iteration: number, value: number | null];

const MARGIN = 14;
const PANEL = { width: 290, height: 128, gapX: 24, gapY: 58, left: 50 };
const COLUMNS = 2;
const TOP = 74;
/** Most points of a curve. */
const MOST_POINTS = 600;
/** Share of a series over which the smooth curve averages. */
const SMOOTHING = 0.03;

/**
 * Draws one panel per series over the same iterations: the values faintly, their running mean on top. Spikes beyond most
 * of a series leave its panel rather than flatten it.
 */
export function curvesFigure(title: string, series: Readonly<Record<string, readonly Point[]>>): Figure {
  const names = Object.keys(series).filter((name) => series[name]!.some(([, value]) => value !== null));
  const last = Math.max(1, ...names.map((name) => series[name]!.at(-1)![0]));
  const rows = Math.max(1, Math.ceil(names.length / COLUMNS));
  const width = 2 * MARGIN + COLUMNS * (PANEL.left + PANEL.width) + (COLUMNS - 1) * PANEL.gapX - MARGIN;
  const parts = [textPath(title, { x: MARGIN, y: MARGIN + 16, size: 16, fill: COLOURS.ink })];
  for (const [index, name] of names.entries()) {
    const left = PANEL.left + (index % COLUMNS) * (PANEL.left + PANEL.width + PANEL.gapX - 10);
    const top = TOP + Math.floor(index / COLUMNS) * (PANEL.height + PANEL.gapY);
    parts.push(panelOf(name, series[name]!, last, left, top, index));
  }
  if (names.length === 0) {
    parts.push(textPath('Nothing was measured.', { x: MARGIN, y: TOP, size: 14, fill: COLOURS.muted }));
  }
  return { width, height: TOP + rows * (PANEL.height + PANEL.gapY) - 22, svg: parts.join('') };
}

function panelOf(
  name: string,
  all: readonly Point[],
  last: number,
  left: number,
  top: number,
  index: number,
): string {
  const { width, height } = PANEL;
  const points = thinned(all);
  const axis = axisOf(points);
  const x = (iteration: number): number => left + (iteration / last) * width;
  const y = (value: number): number => top + height - axis.share(value) * height;
  const parts: string[] = [];
  const style = { size: 12, fill: COLOURS.muted };
  for (const { value, text } of axis.ticks) {
    const at = y(value).toFixed(1);
    parts.push(
      `<path d="M${left} ${at}H${left + width}" stroke="${COLOURS.rule}"/>`,
      textPath(text, { ...style, x: left - 6, y: y(value) + 4, anchor: 'end' }),
    );
  }
  for (const { value, text } of ticksOf(0, last, 4)) {
    parts.push(textPath(text, { ...style, x: x(value), y: top + height + 17, anchor: 'middle' }));
  }
  const latest = points.findLast(([, value]) => value !== null)?.[1];
  const clip = `panel-${index}`;
  parts.push(
    `<path d="M${left} ${top + height + 0.5}H${left + width}" stroke="${COLOURS.axis}"/>`,
    textPath(titleCase(name), { x: left, y: top - 10, size: 13, fill: COLOURS.ink }),
    textPath(
      latest === undefined || latest === null
        ? ''
        : `${axis.isLog ? 'log scale, ' : ''}last ${shortNumber(latest)}`,
      {
        ...style,
        x: left + width,
        y: top - 10,
        anchor: 'end',
      },
    ),
    `<clipPath id="${clip}"><rect x="${left}" y="${top - 2}" width="${width}" height="${height + 4}"/></clipPath>`,
    `<g clip-path="url(#${clip})" fill="none" stroke="${COLOURS.accent}" stroke-linejoin="round">`,
    `<path d="${pathOf(points, x, y)}" stroke-opacity="0.28"/>`,
    `<path d="${pathOf(smoothed(points), x, y)}" stroke-width="1.8"/></g>`,
  );
  return parts.join('');
}

function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const step = (points.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round(i * step)]!);
}

interface Tick {
  value: number;
  text: string;
}

interface Axis {
  isLog: boolean;
  /** Height of a value in the panel, 0 to 1. */
  share(value: number): number;
  ticks: Tick[];
}

/** A positive series that varies by a larger factor gets a logarithmic axis. */
const LOG_FROM = 20;

/** An axis over all but the outermost hundredths of the values, with a small margin. */
function axisOf(points: readonly Point[]): Axis {
  const values = points.flatMap(([, value]) => (value === null ? [] : [value])).sort((a, b) => a - b);
  const at = (share: number): number => values[Math.round(share * (values.length - 1))]!;
  const [low, high] = [at(0.01), at(0.99)];
  if (values[0]! > 0 && high / low > LOG_FROM) {
    const [from, to] = [low / 1.3, high * 1.3];
    const share = (value: number): number => Math.log(value / from) / Math.log(to / from);
    return { isLog: true, share, ticks: logTicksOf(from, to) };
  }
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  // A loss that comes near zero gets an axis from zero.
  const [from, to] = [low >= 0 && low < 0.35 * high ? 0 : low - margin, high + margin];
  return { isLog: false, share: (value) => (value - from) / (to - from), ticks: ticksOf(from, to, 4) };
}

/** Running mean over a small share of the series. */
function smoothed(points: readonly Point[]): Point[] {
  const span = Math.max(1, Math.round(points.length * SMOOTHING));
  return points.map(([iteration], i) => {
    const recent = points.slice(Math.max(0, i - span + 1), i + 1).flatMap(([, value]) => value ?? []);
    const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    return [iteration, points[i]![1] === null ? null : mean] as const;
  });
}

/** A line with gaps at missing values. */
function pathOf(points: readonly Point[], x: (i: number) => number, y: (v: number) => number): string {
  let pen: 'M' | 'L' = 'M';
  let path = '';
  for (const [iteration, value] of points) {
    if (value === null) pen = 'M';
    else {
      // Clamping far outside the panel keeps numbers short.
      const at = Math.max(-2_000, Math.min(4_000, y(value)));
      path += `${pen}${x(iteration).toFixed(1)} ${at.toFixed(1)}`;
      pen = 'L';
    }
  }
  return path;
}

/** `discriminatorLoss` → `Discriminator loss`. */
const titleCase = (name: string): string => {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace('kl', 'KL')
    .replace('gan', 'GAN');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const shortNumber = (value: number): string => String(Number(value.toPrecision(3))).replace('-', '−');

/** About `count` round values between two numbers. */
function ticksOf(low: number, high: number, count: number): Tick[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: Tick[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i++) {
    ticks.push({ value: i * step, text: numberText(i * step, digits) });
  }
  return ticks;
}

/** Values of a logarithmic axis between two positive numbers: powers of ten, over a short range also twos and fives. */
function logTicksOf(low: number, high: number): Tick[] {
  const factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
  const ticks: Tick[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) ticks.push({ value, text: numberText(value, Math.max(0, -power)) });
    }
  }
  return ticks;
}
