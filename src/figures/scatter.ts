import { COLOURS, type Figure } from './canvas.ts';
import { numberText, textPath, textWidth } from './text.ts';

/** The article's axes: −5 to 5 on both. */
const REACH = 5;
const PLOT = { left: 52, top: 46, side: 420 };
const SIZE = { width: 496, height: 522 };
/** Points per label in the plot of all labels. */
const SHARED_POINTS = 200;
const LEGEND_ROW = 22;
const LEGEND_TEXT = 13;

/**
 * Ten colours that colour-blind people can distinguish: the nine of Paul Tol's "muted" scheme
 * (https://sronpersonalpages.nl/~pault/) and black. Shapes distinguish neighbours in print without colour.
 */
const MARK_COLOURS = [
  '#332288',
  '#cc6677',
  '#117733',
  '#88ccee',
  '#882255',
  '#ddaa33',
  '#44aa99',
  '#aa4499',
  '#999933',
  '#222222',
] as const;

/** Outlines around (0, 0) with about the area of the unit circle, as x, y, x, y, …; the first is the circle. */
const SHAPES: readonly (readonly number[])[] = [
  [],
  [0, -1.35, 1.17, 0.68, -1.17, 0.68],
  [-0.88, -0.88, 0.88, -0.88, 0.88, 0.88, -0.88, 0.88],
  [0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0],
  [0, 1.35, -1.17, -0.68, 1.17, -0.68],
];

const at = (value: number): number => ((value + REACH) / (2 * REACH)) * PLOT.side;
const xOf = (value: number): number => PLOT.left + at(value);
const yOf = (value: number): number => PLOT.top + PLOT.side - at(value);
const RIGHT = PLOT.left + PLOT.side;
const BOTTOM = PLOT.top + PLOT.side;

/** Positions of the points (n × 2) that are within the axes. */
function positionsOf(points: Float32Array): [x: number, y: number][] {
  const positions: [number, number][] = [];
  for (let index = 0; index + 1 < points.length; index += 2) {
    const [px, py] = [points[index]!, points[index + 1]!];
    if (Math.abs(px) <= REACH && Math.abs(py) <= REACH) positions.push([xOf(px), yOf(py)]);
  }
  return positions;
}

/**
 * The first two dimensions of the posterior means of one label (`points`: n × 2). Circles of one and two standard
 * deviations contain 39 % and 86 % of the prior N(0, I).
 */
export function scatterFigure(labelName: string, points: Float32Array): Figure {
  const positions = positionsOf(points);
  const dots = positions.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.6"/>`);
  const cloud = `<g fill="${COLOURS.accent}" fill-opacity="0.45">${dots.join('')}</g>`;
  const title = `z means of label ${labelName}`;
  return { ...SIZE, svg: plotOf(title, noteOf(points.length / 2, positions.length), cloud) };
}

/**
 * The same plot for all labels, each with its own mark.
 *
 * @param groups points per label, in the order of `names`
 */
export function allLabelsFigure(names: readonly string[], groups: readonly Float32Array[]): Figure {
  const some = groups.map((points) => points.subarray(0, 2 * SHARED_POINTS));
  const positions = some.map(positionsOf);
  // Drawn in turn, so that no label covers all others.
  const marks: string[] = [];
  for (let row = 0; row < Math.max(0, ...positions.map(({ length }) => length)); row++) {
    for (const [label, group] of positions.entries()) {
      const position = group[row];
      if (position) marks.push(markPath(label, position[0], position[1], 3));
    }
  }
  const total = some.reduce((sum, { length }) => sum + length / 2, 0);
  const shown = positions.reduce((sum, { length }) => sum + length, 0);
  const cloud = `<g fill-opacity="0.75">${marks.join('')}</g>`;
  const legend = legendOf(names);
  return {
    width: SIZE.width,
    height: SIZE.height + legend.height,
    svg: plotOf('z means of all labels', noteOf(total, shown), cloud) + legend.svg,
  };
}

/** Rows of mark and name below the plot. */
function legendOf(names: readonly string[]): { svg: string; height: number } {
  const widest = Math.max(...names.map((name) => textWidth(name, LEGEND_TEXT)));
  const columns = Math.max(1, Math.min(names.length, Math.floor(PLOT.side / (widest + 28)), 10));
  const step = PLOT.side / columns;
  const top = SIZE.height + 6;
  const svg = names.map((name, label) => {
    const x = PLOT.left + (label % columns) * step;
    const y = top + Math.floor(label / columns) * LEGEND_ROW;
    const style = { x: x + 16, y: y + 5, size: LEGEND_TEXT, fill: COLOURS.ink };
    return markPath(label, x + 7, y, 5) + textPath(name, style);
  });
  return { svg: svg.join(''), height: Math.ceil(names.length / columns) * LEGEND_ROW + 4 };
}

const noteOf = (total: number, shown: number): string =>
  `${total} images${total > shown ? `, ${total - shown} beyond the axes` : ''}`;

function plotOf(title: string, note: string, cloud: string): string {
  const parts: string[] = [];
  for (let tick = -REACH; tick <= REACH; tick++) {
    const stroke = `stroke="${tick === 0 ? COLOURS.axis : COLOURS.rule}" stroke-width="1"`;
    const [gx, gy] = [Math.round(xOf(tick)) + 0.5, Math.round(yOf(tick)) + 0.5];
    parts.push(`<path d="M${gx} ${PLOT.top}V${BOTTOM}M${PLOT.left} ${gy}H${RIGHT}" ${stroke}/>`);
    const name = numberText(tick);
    const style = { size: 12, fill: COLOURS.muted };
    parts.push(textPath(name, { ...style, x: xOf(tick), y: BOTTOM + 18, anchor: 'middle' }));
    parts.push(textPath(name, { ...style, x: PLOT.left - 8, y: yOf(tick) + 4, anchor: 'end' }));
  }
  parts.push(cloud);
  for (const deviation of [1, 2]) {
    const radius = at(deviation) - at(0);
    parts.push(
      `<g fill="none"><circle cx="${xOf(0)}" cy="${yOf(0)}" r="${radius}" stroke="${COLOURS.paper}" stroke-opacity="0.7" stroke-width="3"/>`,
      `<circle cx="${xOf(0)}" cy="${yOf(0)}" r="${radius}" stroke="${COLOURS.ink}" stroke-opacity="0.7" stroke-dasharray="4 4"/></g>`,
    );
  }
  parts.push(
    textPath(title, { x: PLOT.left, y: 28, size: 16, fill: COLOURS.ink }),
    textPath(note, { x: RIGHT, y: 28, size: 12, anchor: 'end', fill: COLOURS.muted }),
    ...axisName('1', PLOT.left + PLOT.side / 2, BOTTOM + 38),
    ...axisName('2', 14, PLOT.top + PLOT.side / 2 + 4),
  );
  return parts.join('');
}

/** The letter z with a subscript. */
export function axisName(subscript: string, x: number, y: number): string[] {
  return [
    textPath('z', { x, y, size: 14, anchor: 'middle', fill: COLOURS.ink }),
    textPath(subscript, { x: x + 4, y: y + 4, size: 10, fill: COLOURS.ink }),
  ];
}

/** A label's mark as an SVG element. */
function markPath(label: number, x: number, y: number, radius: number): string {
  const colour = MARK_COLOURS[label % MARK_COLOURS.length]!;
  const round = (value: number): string => String(Math.round(value * 10) / 10);
  // Shapes are shifted every ten labels, so that the first fifty labels differ in colour or shape.
  const shape = SHAPES[(label + Math.floor(label / MARK_COLOURS.length)) % SHAPES.length]!;
  if (shape.length === 0) {
    return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${colour}"/>`;
  }
  const corners: string[] = [];
  for (let i = 0; i < shape.length; i += 2) {
    corners.push(`${round(x + shape[i]! * radius)} ${round(y + shape[i + 1]! * radius)}`);
  }
  return `<path d="M${corners.join('L')}Z" fill="${colour}"/>`;
}
