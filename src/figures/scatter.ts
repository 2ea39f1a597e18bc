import { COLOURS, type Figure } from './canvas.ts';
import { markPath } from './marks.ts';
import { textPath, textWidth } from './text.ts';

/** The article's axes: −5 to 5 on both. */
const REACH = 5;
const PLOT = { left: 52, top: 46, side: 420 };
const SIZE = { width: 496, height: 522 };
/** Points a label where all are shown. */
const SHARED_POINTS = 200;
const LEGEND_ROW = 22;
const LEGEND_TEXT = 13;

const at = (value: number): number => ((value + REACH) / (2 * REACH)) * PLOT.side;
const xOf = (value: number): number => PLOT.left + at(value);
const yOf = (value: number): number => PLOT.top + PLOT.side - at(value);
const RIGHT = PLOT.left + PLOT.side;
const BOTTOM = PLOT.top + PLOT.side;

/** Places of points (n × 2) within the axes. */
function placesOf(points: Float32Array): [x: number, y: number][] {
  const places: [number, number][] = [];
  for (let index = 0; index + 1 < points.length; index += 2) {
    const [px, py] = [points[index]!, points[index + 1]!];
    if (Math.abs(px) <= REACH && Math.abs(py) <= REACH) places.push([xOf(px), yOf(py)]);
  }
  return places;
}

/**
 * The first two dimensions of z means of one label's images (`points`: n × 2), with the circles that hold 39 % and
 * 86 % of the prior N(0, I): one and two standard deviations.
 */
export function scatterFigure(labelName: string, points: Float32Array): Figure {
  const places = placesOf(points);
  const dots = places.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.6"/>`);
  const cloud = `<g fill="${COLOURS.accent}" fill-opacity="0.45">${dots.join('')}</g>`;
  const title = `z means of label ${labelName}`;
  return { ...SIZE, svg: plotOf(title, noteOf(points.length / 2, places.length), cloud) };
}

/**
 * The same for every label, each with a colour and a shape of its own; colours are told apart by the colour-blind too,
 * and labels beyond the tenth repeat a colour with another shape.
 *
 * @param groups one a label, in the order of `names`
 */
export function allLabelsFigure(names: readonly string[], groups: readonly Float32Array[]): Figure {
  const some = groups.map((points) => points.subarray(0, 2 * SHARED_POINTS));
  const places = some.map(placesOf);
  // Labels in turns, so that none lies over all others.
  const marks: string[] = [];
  for (let row = 0; row < Math.max(0, ...places.map(({ length }) => length)); row++) {
    for (const [label, group] of places.entries()) {
      const place = group[row];
      if (place) marks.push(markPath(label, place[0], place[1], 3));
    }
  }
  const total = some.reduce((sum, { length }) => sum + length / 2, 0);
  const shown = places.reduce((sum, { length }) => sum + length, 0);
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
    const name = tick < 0 ? `−${-tick}` : `${tick}`;
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

/** z with a subscript. */
export function axisName(subscript: string, x: number, y: number): string[] {
  return [
    textPath('z', { x, y, size: 14, anchor: 'middle', fill: COLOURS.ink }),
    textPath(subscript, { x: x + 4, y: y + 4, size: 10, fill: COLOURS.ink }),
  ];
}
